// Chapter: the solves of a run: the one that makes the image, and further ones that take more out of the build cache. What
// they make on the daemon or on this machine is in the ledger before it exists.
import type { Digest } from '../base/digest.ts';
import { buildImage, type BuiltImage, fromCache, type PreparedBuild } from '../build/build-image.ts';
import type { ExtraExporter } from '../build/exported-files.ts';
import { pinNamedImages } from '../build/pin-image.ts';
import { cacheGrants, registryAuthority } from '../build/registry-authority.ts';
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

/** What a build has left: the image, or nothing but the cache. */
export type SolvedImage = ImageToPublish | { readonly kind: 'cached' };

interface Solve {
  readonly output: BuildOutput;
  readonly archive?: ReceivedArchive | undefined;
  readonly extras: readonly ExtraExporter[];
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

  /** The build that people see: its steps are shown and counted. Throws as buildImage does. */
  async build(output: BuildOutput, extras: readonly ExtraExporter[]): Promise<SolvedImage> {
    const keepName = this.#enter(output);
    const archive = output.kind === 'archive' ? await this.#openArchive() : undefined;
    const watch = watchBuild(this.#plan, this.#tools);
    try {
      const solve = { output, archive, extras, onStatus: watch.onStatus };
      const image = await this.#solve(this.#prepared, solve);
      keepName();
      return this.#solved(image, archive);
    } finally {
      await watch.end();
    }
  }

  /** The same from the cache, for further exporters; neither shown nor counted. */
  readonly again = (extras: readonly ExtraExporter[]): Promise<BuiltImage> =>
    this.#solve(fromCache(this.#prepared), { output: { kind: 'nothing' }, extras, onStatus: () => undefined });

  async #solve(prepared: PreparedBuild, { output, archive, extras, onStatus }: Solve): Promise<BuiltImage> {
    const { builder } = this.#daemon;
    const { log, world } = this.#tools;
    this.#unended += 1;
    const onEnded = (): void => {
      this.#unended -= 1;
    };
    const tokens = this.#authorityFor(output);
    const options = { builder, output, archive: archive?.exportTarget, extras, tokens, onStatus, onEnded, log };
    return buildImage(prepared, options, world.signal);
  }

  #solved(image: BuiltImage, archive: ReceivedArchive | undefined): SolvedImage {
    switch (image.kind) {
      case 'received':
        if (archive === undefined) throw new Error('nobody has received the image');
        return { ...image, files: archive.files };
      case 'stored':
        return { ...image, rebuild: () => this.#rebuild(image.name) };
      case 'pushed':
      case 'cached':
        return image;
    }
  }

  /** Once more under the same name, which is in the ledger; for a daemon that has lost it. @returns the id of the image */
  async #rebuild(name: string): Promise<Digest> {
    const output = { kind: 'temporary-image', name } as const;
    const image = await this.#solve(fromCache(this.#prepared), { output, extras: [], onStatus: () => undefined });
    if (image.kind !== 'stored') throw new Error(`${name} was built into something else than a name`);
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
    const strike = ledger.enter(name, () => removeTemporaryImage(engine, name, { mayStillCome: this.#unended > 0 }));
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
