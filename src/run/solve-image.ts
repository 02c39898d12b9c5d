// Chapter: the solves of a run: the one that makes the image, and further ones that take more out of the build cache. What
// they make on the daemon or on this machine is in the ledger before it exists.
import type { Digest } from '../base/digest.ts';
import { PluginError } from '../base/plugin-error.ts';
import { buildImage, type BuiltImage, fromCache, onceMore, type PreparedBuild } from '../build/build-image.ts';
import { pinNamedImages } from '../build/pin-image.ts';
import { pushLimits, PushStalled, PushWatch } from '../build/push-watch.ts';
import { cacheGrants, registryAuthority } from '../build/registry-authority.ts';
import { isPushFailure, repeatBuild } from '../build/repeat-build.ts';
import { isNothingForDaemon, whyNotByDaemon, wordSendingHere } from '../build/why-not-by-daemon.ts';
import type { BuildOutput } from '../build/solve-request.ts';
import type { StatusUpdate } from '../buildkit/status.ts';
import { removeTemporaryImage } from '../engine/temporary-images.ts';
import type { Plan } from '../plan/plan.ts';
import type { ImageToPublish } from '../publish/publish-image.ts';
import { ReceivedArchive } from '../publish/received-archive.ts';
import { makeTemporaryFolder, removeTemporaryFolder } from '../publish/temporary-folder.ts';
import type { Daemon } from './connect-daemon.ts';
import type { Registries } from './open-registries.ts';
import type { Tools } from './tools.ts';
import { watchBuild } from './watch-build.ts';
import type { FreshExporters } from './write-outputs.ts';

/** What a build has left: the image, or nothing but the cache. */
export type SolvedImage = ImageToPublish | { readonly kind: 'cached' };

/** What one solve is asked for beside the image itself. */
interface Asked {
  readonly output: BuildOutput;
  readonly archive?: ReceivedArchive | undefined;
  readonly exporters: FreshExporters;
  readonly onStatus: (status: StatusUpdate) => void;
}

/** Looks up what the settings call images, and is then ready to build. Throws PluginError. */
export async function openSolver(
  plan: Plan,
  prepared: PreparedBuild,
  daemon: Daemon,
  registries: Registries,
  tools: Tools,
): Promise<Solver> {
  const { signal } = tools.world;
  const ordered = { ...prepared, order: daemon.order };
  const pinned = await pinNamedImages(ordered, async (image) => {
    const head = await registries.client.repository(image).headManifest(image.tag ?? 'latest', signal);
    return head?.digest;
  });
  return new Solver(plan, pinned, daemon, registries, tools);
}

/** Builds one order, as often as it takes. */
export class Solver {
  readonly #plan: Plan;
  readonly #prepared: PreparedBuild;
  readonly #daemon: Daemon;
  readonly #registries: Registries;
  readonly #tools: Tools;
  /** Of which the daemon has not said that they are over: what they export may still appear. */
  #unended = 0;

  constructor(plan: Plan, prepared: PreparedBuild, daemon: Daemon, registries: Registries, tools: Tools) {
    this.#plan = plan;
    this.#prepared = prepared;
    this.#daemon = daemon;
    this.#registries = registries;
    this.#tools = tools;
  }

  /** A name that a solve was to write may appear a moment from now. */
  get mayStillExport(): boolean {
    return this.#unended > 0;
  }

  /** The build that people see: its steps are shown and counted. Throws as buildImage does. */
  async build(output: BuildOutput, exporters: FreshExporters): Promise<SolvedImage> {
    const { log } = this.#tools;
    const watch = watchBuild(this.#plan, this.#tools);
    const { onStatus } = watch;
    try {
      return await this.#make(this.#prepared, { output, exporters, onStatus }).catch((error: unknown) => {
        const reason = this.#mayUpload(output) ? whyNotByDaemon(error) : undefined;
        if (reason === undefined) throw error;
        log.info(`${reason}; this plugin uploads the image itself`);
        const asked = { output: { kind: 'archive' }, exporters, onStatus: unseen } as const;
        return this.#make(onceMore(this.#prepared), asked).catch((failure: unknown) => {
          throw wordSendingHere(failure, reason);
        });
      });
    } finally {
      await watch.end();
    }
  }

  /** The same from the cache, for further exporters; neither shown nor counted. */
  readonly again = (exporters: FreshExporters): Promise<BuiltImage> =>
    this.#repeat(fromCache(this.#prepared), { output: { kind: 'nothing' }, exporters, onStatus: unseen });

  async #make(prepared: PreparedBuild, asked: Asked): Promise<SolvedImage> {
    const keepName = this.#enter(asked.output);
    const archive = asked.output.kind === 'archive' ? await this.#openArchive() : undefined;
    const image = await this.#repeat(prepared, { ...asked, archive });
    keepName();
    return this.#solved(image, archive);
  }

  /** Solves, more than once if that helps. */
  async #repeat(prepared: PreparedBuild, { onStatus, ...asked }: Asked): Promise<BuiltImage> {
    const { signal } = this.#tools.world;
    const mayUpload = this.#mayUpload(asked.output);
    const isFinal = (error: unknown): boolean => mayUpload && isNothingForDaemon(error);
    let hasBuilt = false;
    let seen = onStatus;
    let stalls = 0;
    const attempt = async (number: number): Promise<BuiltImage> => {
      if (number > 1) await this.#daemon.engine.untilBack(signal);
      const watch = this.#watchPush(mayUpload, stalls);
      const see = (status: StatusUpdate): void => {
        watch.update(status);
        seen(status);
      };
      try {
        return await this.#solve(hasBuilt ? onceMore(prepared) : prepared, { ...asked, onStatus: see }, watch.signal);
      } catch (error) {
        // A cache that was lost, perhaps with its daemon, has steps run again: they are shown again.
        seen = isPushFailure(error) ? unseen : onStatus;
        if (error instanceof PushStalled && error.stage === 'layers') stalls += 1;
        const pushed = await this.#pushedAllTheSame(error, asked.output);
        if (pushed === undefined) throw error;
        return pushed;
      } finally {
        watch.end();
        hasBuilt ||= watch.hasBuilt;
      }
    };
    return repeatBuild(attempt, { retrier: this.#registries.retrier, isFinal }, signal);
  }

  #watchPush(mayUpload: boolean, stalls: number): PushWatch {
    const limits = pushLimits(this.#plan.upload.requestTimeoutMs, mayUpload, stalls);
    return new PushWatch(limits, this.#tools.world.monotonicMs);
  }

  /** The plugin may send what the daemon cannot: nobody has said who is to do it. */
  #mayUpload({ kind }: BuildOutput): boolean {
    return kind === 'push-by-digest' && this.#plan.upload.pushVia === 'auto';
  }

  /** A registry may have taken the image and never said so. What else the solve had to do is then not known to be done. */
  async #pushedAllTheSame(error: unknown, output: BuildOutput): Promise<BuiltImage | undefined> {
    if (!(error instanceof PushStalled) || error.stage !== 'manifest' || output.kind !== 'push-by-digest')
      return undefined;
    const { digest } = error;
    // Whatever else was exported may have told that digest.
    if (digest === undefined || this.#daemon.order.cacheTo.length > 0 || this.#hasOutputs) return undefined;
    const { repositories } = output;
    if (!(await this.#isShown(digest, repositories))) return undefined;
    this.#tools.log.info(`${error.message}; ${repositories.join(', ')} has ${digest} all the same`);
    return { kind: 'pushed', digest, repositories };
  }

  /** The image goes elsewhere too: into files, or under a name that stays on the daemon. */
  get #hasOutputs(): boolean {
    const { files, load } = this.#plan.output;
    return files.length > 0 || load;
  }

  /** Whether registries have the image. What they fail at counts as no; they are given the time of one request. */
  async #isShown(digest: Digest, names: readonly string[]): Promise<boolean> {
    const signal = AbortSignal.any([this.#tools.world.signal, AbortSignal.timeout(this.#plan.upload.requestTimeoutMs)]);
    const targets = this.#registries.targets.filter(({ repository }) => names.includes(repository.name));
    const heads = await Promise.allSettled(targets.map(({ repository }) => repository.headManifest(digest, signal)));
    return heads.every((head) => head.status === 'fulfilled' && head.value !== undefined);
  }

  async #solve(
    prepared: PreparedBuild,
    { output, archive, exporters, onStatus }: Asked,
    stalled: AbortSignal,
  ): Promise<BuiltImage> {
    const { builder } = this.#daemon;
    const { log, world } = this.#tools;
    const extras = await exporters();
    this.#unended += 1;
    const onEnded = (): void => {
      this.#unended -= 1;
    };
    const tokens = this.#authorityFor(output);
    const options = { builder, output, archive: archive?.exportTarget, extras, tokens, onStatus, onEnded, log };
    return buildImage(prepared, options, AbortSignal.any([world.signal, stalled]));
  }

  #solved(image: BuiltImage, archive: ReceivedArchive | undefined): SolvedImage {
    switch (image.kind) {
      case 'received':
        if (archive === undefined) throw new Error('nobody has received the image');
        return { ...image, files: archive.files };
      case 'stored':
        return { ...image, rebuild: () => this.#rebuild(image) };
      case 'pushed':
      case 'cached':
        return image;
    }
  }

  /** Once more under the same name, which is in the ledger; for a daemon that has lost it. @returns the id of the image */
  async #rebuild({ name, id }: Extract<BuiltImage, { kind: 'stored' }>): Promise<Digest> {
    const output = { kind: 'temporary-image', name } as const;
    const exporters = (): Promise<[]> => Promise.resolve([]);
    const image = await this.#repeat(fromCache(this.#prepared), { output, exporters, onStatus: unseen });
    if (image.kind !== 'stored') throw new Error(`${name} was built into something else than a name`);
    if (image.id !== id && this.#hasOutputs) throw becameAnother(name, id, image.id);
    return image.id;
  }

  /** What the daemon may push during a solve: the image, and caches. */
  #authorityFor(output: BuildOutput): ReturnType<typeof registryAuthority> {
    const { client, credentials, targets } = this.#registries;
    const names = output.kind === 'push-by-digest' ? output.repositories : [];
    const pushed = targets
      .map(({ address }) => address)
      .filter(({ domain, path }) => names.includes(`${domain}/${path}`));
    return registryAuthority(client, credentials, [...pushed, ...cacheGrants(this.#daemon.order.cacheTo)]);
  }

  /** @returns to be called when the build has succeeded: some names are wanted then */
  #enter(output: BuildOutput): () => void {
    if (output.kind !== 'temporary-image') return () => undefined;
    const { name } = output;
    const { ledger, log } = this.#tools;
    const { engine } = this.#daemon;
    const strike = ledger.enter(name, () => removeTemporaryImage(engine, name, { mayStillCome: this.mayStillExport }));
    return () => {
      if (!this.#plan.build.keepsTemporaryImage) return;
      strike();
      log.info(`purge: false left ${name} on the daemon; docker rmi ${name} removes it there`);
    };
  }

  async #openArchive(): Promise<ReceivedArchive> {
    const { ledger, log, world } = this.#tools;
    const folder = await makeTemporaryFolder(world.temporaryDirectory);
    ledger.enter(undefined, () => removeTemporaryFolder(folder, log));
    return new ReceivedArchive(folder);
  }
}

function unseen(_status: StatusUpdate): void {
  // The steps are those of the first time.
}

/** What is published would be another image than the one that was written or kept. */
function becameAnother(name: string, former: Digest, now: Digest): PluginError {
  return new PluginError({
    code: 'image-changed',
    exitCode: 5,
    message: `daemon: ${name} vanished and was built again, as ${now}; what the step has written or kept is ${former}; no tag was touched`,
    hint: 'run the step again',
  });
}
