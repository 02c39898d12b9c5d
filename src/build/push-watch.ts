// Watches a push by the daemon, which waits for ever for a registry that does not answer: BuildKit has no limit of its own. Its
// progress tells when layers and when manifests are on their way, but not how many bytes of them; a line of its log is the
// only sign of life in between. moby/buildkit util/push
import type { Digest } from '../base/digest.ts';
import { isDigest } from '../base/digest.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { StatusUpdate } from '../buildkit/status.ts';

/** What of a push stands still. */
export type PushStage = 'layers' | 'manifest';

/** In milliseconds. */
export interface PushLimits {
  /** For the answer to a manifest, which is small. */
  readonly manifestMs: number;
  /** For all layers: nobody tells how large they are, or how far. */
  readonly layersMs: number;
}

/** A push that does not move: exit 6 when nothing else helps. */
export class PushStalled extends PluginError {
  readonly stage: PushStage;
  /** Of what was to be pushed, when the daemon has told it. */
  readonly digest: Digest | undefined;

  constructor(stage: PushStage, limitMs: number, digest: Digest | undefined) {
    super({
      code: 'stalled',
      exitCode: 6,
      message: `push by the daemon: nothing has moved for ${String(Math.round(limitMs / 1000))} s while it pushes the ${stage === 'layers' ? 'layers' : 'manifest'}`,
      hint: 'look at the registry; `push_via: plugin` pushes from here and sees each byte; `request_timeout` gives it more time',
    });
    this.stage = stage;
    this.digest = digest;
  }
}

/** Some GB over a slow line: half an hour at the usual request_timeout. A push that is well shows no more than one that hangs. */
const layersFactor = 15;
const usualRequestTimeoutMs = 120_000;
/**
 * Whoever sets a short request_timeout is in a hurry, and where somebody else can go on with what is missing, less time is
 * lost by that: the factor falls to as long as a blob of our own may stand still.
 */
const hastyLayersFactor = 5;
/** Where nobody else may send them, never less than this. */
const minLayersMs = 10 * 60_000;
const checksPerLimit = 4;
const maxCheckMs = 5_000;

/**
 * @param canSendOtherwise a push that is given up too early costs time, and room in the temporary folder
 * @param stalls how often the layers have stood still already: perhaps they only needed more time
 */
export function pushLimits(requestTimeoutMs: number, canSendOtherwise: boolean, stalls = 0): PushLimits {
  const haste = canSendOtherwise ? Math.max(0, 1 - requestTimeoutMs / usualRequestTimeoutMs) : 0;
  const factor = layersFactor - haste * (layersFactor - hastyLayersFactor);
  const layersMs = Math.max(canSendOtherwise ? 0 : minLayersMs, Math.round(factor * requestTimeoutMs));
  return { manifestMs: requestTimeoutMs, layersMs: layersMs * (1 + stalls) };
}

/** Watches one solve. Call `end` when it is over. */
export class PushWatch {
  readonly #limits: PushLimits;
  readonly #now: () => number;
  readonly #stalled = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** Exporting steps. */
  readonly #exports = new Set<string>();
  /** What is being pushed, by step and name. */
  readonly #open = new Map<string, PushStage>();
  readonly #manifests: Digest[] = [];
  #list: Digest | undefined;
  #movedMs: number;

  /** @param now monotonic milliseconds */
  constructor(limits: PushLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#movedMs = now();
    const shortestMs = Math.min(limits.manifestMs, limits.layersMs);
    this.#timer = setInterval(() => this.check(), Math.min(maxCheckMs, shortestMs / checksPerLimit));
    this.#timer.unref();
  }

  /** Aborts with PushStalled. */
  get signal(): AbortSignal {
    return this.#stalled.signal;
  }

  /** All steps are done: what follows is export. */
  get hasBuilt(): boolean {
    return this.#exports.size > 0;
  }

  /** Takes in one message of the status stream. */
  update({ vertexes, statuses, logs }: StatusUpdate): void {
    for (const { digest, name, startedMs } of vertexes) {
      if (startedMs !== undefined && name.startsWith('exporting to ')) this.#exports.add(digest);
    }
    let hasMoved = logs.some(({ vertex }) => this.#exports.has(vertex));
    for (const { vertex, id, completedMs } of statuses) {
      this.#noteDigest(id);
      const stage = stageOf(id);
      hasMoved ||= stage !== undefined || this.#exports.has(vertex);
      if (stage === undefined) continue;
      const key = `${vertex} ${id}`;
      if (completedMs === undefined) this.#open.set(key, stage);
      else this.#open.delete(key);
    }
    if (hasMoved) this.#movedMs = this.#now();
  }

  /** Looks at the clock. */
  check(): void {
    const [stage] = this.#open.values();
    if (stage === undefined || this.#stalled.signal.aborted) return;
    const limitMs = stage === 'layers' ? this.#limits.layersMs : this.#limits.manifestMs;
    if (this.#now() - this.#movedMs < limitMs) return;
    this.#stalled.abort(new PushStalled(stage, limitMs, this.#root));
  }

  end(): void {
    clearInterval(this.#timer);
  }

  /** The index, or the only manifest. */
  get #root(): Digest | undefined {
    return this.#list ?? (this.#manifests.length === 1 ? this.#manifests[0] : undefined);
  }

  #noteDigest(id: string): void {
    const [, kind, digest = ''] = /^exporting (manifest list|index|manifest) (\S+)$/.exec(id) ?? [];
    if (kind === undefined || !isDigest(digest)) return;
    if (kind === 'manifest') {
      if (!this.#manifests.includes(digest)) this.#manifests.push(digest);
    } else this.#list = digest;
  }
}

function stageOf(id: string): PushStage | undefined {
  if (id === 'pushing layers') return 'layers';
  return id.startsWith('pushing manifest for ') ? 'manifest' : undefined;
}
