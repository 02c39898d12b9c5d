// Turns BuildKit's progress into plain log lines: numbered steps, what a step printed, cached marks and durations.
// Progress is display only: nothing here decides how the build ended. See "Progress" in BuildKit's docs/dev and
// util/progress; lines look as users of `docker build --progress=plain` know them.
import {
  isCacheImport,
  type StatusUpdate,
  type VertexLog,
  type VertexState,
  type VertexStatus,
} from '../buildkit/status.ts';
import type { StepEnd } from './cache-metrics.ts';
import { formatSeconds } from './format.ts';
import { statusLine } from './status-line.ts';
import { StepOutput } from './step-output.ts';

/** A step that keeps printing may hold the log this long before another one gets a turn. */
const turnMs = 5_000;
/** Sub-progress in between is shown after this much time, or after this share of something large. */
const statusIntervalMs = 5_000;
const statusShare = 0.05;
const largeBytes = 10_000_000;
/** Engines tell the last sub-progress of a step after its end; the end is printed when nothing came for so long. */
const settleMs = 100;
/** A Dockerfile that makes more steps than this is shown without the rest; memory stays bounded. */
const maxSteps = 10_000;

/** What the build did, for the summary. */
export interface BuildCounts {
  /** Steps of the Dockerfile; BuildKit's housekeeping is not counted. */
  readonly steps: number;
  readonly cachedSteps: number;
}

/** The last output of a step, for a failure message. */
export interface StepTail {
  readonly name: string;
  readonly lines: readonly string[];
}

interface Step {
  /** By first appearance in the log: the daemon lists the last step of a Dockerfile first. */
  number: number | undefined;
  name: string;
  /** Length of the longest chain of steps below it. */
  depth: number;
  started: number | undefined;
  completed: number | undefined;
  cached: boolean;
  error: string;
  /** When its end was told; monotonic milliseconds. */
  endedMs: number | undefined;
  /** Its last line is printed. */
  closed: boolean;
  readonly output: StepOutput;
  readonly shownStatus: Map<string, { readonly atMs: number; readonly current: number; readonly done: boolean }>;
  readonly pending: string[];
}

/** Prints progress as it arrives. Feed it with `update`, then call `end` once. */
export class Progress {
  #write: (line: string) => void;
  readonly #now: () => number;
  readonly #steps = new Map<string, Step>();
  readonly #groups = new Map<string, Step>();
  readonly #later: (action: () => void, delayMs: number) => void;
  #shown: Step | undefined;
  #shownSinceMs = 0;
  #lastNumber = 0;
  #scheduled = false;

  /**
   * @param write takes one line without a line end
   * @param now monotonic milliseconds
   * @param later runs an action once; must not keep the process alive
   */
  constructor(
    write: (line: string) => void,
    now: () => number,
    later: (action: () => void, delayMs: number) => void = (action, delayMs) =>
      void setTimeout(action, delayMs).unref(),
  ) {
    this.#write = write;
    this.#now = now;
    this.#later = later;
  }

  /** Takes in one message of the status stream. */
  update(update: StatusUpdate): void {
    for (const vertex of update.vertexes) this.#vertex(vertex);
    for (const vertex of update.vertexes.toReversed()) this.#deepen(vertex);
    for (const status of update.statuses) this.#status(status);
    for (const log of update.logs) this.#log(log);
    this.#flush(false);
  }

  /** From now on nothing is printed; steps are still counted. */
  mute(): void {
    this.#write = () => undefined;
  }

  /** Prints what is left, also of steps that were cut off. */
  end(): void {
    for (const step of this.#all()) step.pending.push(...step.output.rest());
    this.#flush(true);
  }

  /** Steps of the Dockerfile and how many came from the cache. FROM is none: a base image is looked up each time. */
  counts(): BuildCounts {
    const real = this.#all().filter(({ name }) => /^\[(?!internal)[^\]]*\d+\/\d+\] (?!FROM )/.test(name));
    return { steps: real.length, cachedSteps: real.filter((step) => step.cached).length };
  }

  /** How each step that was shown has ended, by number. Steps that never ended count as cancelled. */
  stepEnds(): readonly StepEnd[] {
    return this.#all()
      .flatMap((step) => (step.number === undefined ? [] : [{ number: step.number, step }]))
      .sort((a, b) => a.number - b.number)
      .map(({ number, step }) => ({ number, status: statusOf(step), milliseconds: durationOf(step) }));
  }

  /** The failed step's name and last lines: by digest when the daemon named it, else the step that reported an error. */
  tailOf(vertexDigest: string | undefined): StepTail | undefined {
    const named = vertexDigest === undefined ? undefined : this.#steps.get(vertexDigest);
    const failed = named ?? [...this.#steps.values()].find((step) => step.error !== '' && !isCancelled(step.error));
    return failed && { name: failed.name, lines: failed.output.tail() };
  }

  #stepOf(digest: string): Step | undefined {
    const known = this.#steps.get(digest);
    if (known !== undefined || this.#steps.size >= maxSteps) return known;
    const step = newStep();
    this.#steps.set(digest, step);
    return step;
  }

  #vertex(vertex: VertexState): void {
    const step = this.#grouped(vertex) ?? this.#stepOf(vertex.digest);
    if (step === undefined) return;
    if (vertex.name !== '' || vertex.group !== undefined) step.name = vertex.group?.name ?? vertex.name;
    if (vertex.startedMs !== undefined) start(step, vertex.startedMs, vertex.completedMs !== undefined);
    step.cached =
      vertex.group === undefined ? vertex.cached : vertex.cached && (step.cached || step.started === undefined);
    if (vertex.error !== '') step.error = vertex.error;
    if (vertex.completedMs !== undefined) {
      step.completed = Math.max(step.completed ?? 0, vertex.completedMs);
      step.endedMs ??= this.#now();
    }
    if (vertex.startedMs !== undefined && this.#shown === undefined && step.endedMs === undefined) this.#show(step);
  }

  /** Several vertices of one group are one step to the reader. */
  #grouped(vertex: VertexState): Step | undefined {
    if (vertex.group === undefined || vertex.group.weak) return undefined;
    const existing = this.#steps.get(vertex.digest);
    if (existing !== undefined) return existing;
    const step = this.#groups.get(vertex.group.id) ?? this.#stepOf(vertex.digest);
    if (step === undefined) return undefined;
    this.#groups.set(vertex.group.id, step);
    this.#steps.set(vertex.digest, step);
    return step;
  }

  #status(status: VertexStatus): void {
    const step = this.#stepOf(status.vertex);
    if (step === undefined) return;
    const before = step.shownStatus.get(status.id) ?? { atMs: this.#now(), current: 0, done: false };
    const done = status.completedMs !== undefined;
    const share = status.total >= largeBytes ? (status.current - before.current) / status.total : 0;
    const due = done || share >= statusShare || this.#now() - before.atMs >= statusIntervalMs;
    step.shownStatus.set(status.id, due ? { atMs: this.#now(), current: status.current, done } : before);
    if (before.done || !due) return;
    step.pending.push(statusLine(status));
  }

  #log(log: VertexLog): void {
    const step = this.#stepOf(log.vertex);
    if (step === undefined) return;
    const elapsed = step.started === undefined ? undefined : Math.max(0, log.timestampMs - step.started);
    const stamp = elapsed === undefined ? '' : `${(elapsed / 1000).toFixed(3)} `;
    for (const line of step.output.push(log.data, log.stream)) step.pending.push(`${stamp}${line}`);
  }

  /** Prints what is due: the shown step first, others when its turn is over or when they have ended. */
  #flush(everything: boolean): void {
    this.#close(everything);
    const shown = this.#shown;
    if (shown !== undefined && shown.pending.length > 0) this.#print(shown);
    // Its last line comes in a moment: nobody else interrupts it now.
    if (shown?.endedMs !== undefined && !shown.closed) return;
    const keeps = shown !== undefined && !shown.closed && this.#now() - this.#shownSinceMs < turnMs;
    for (const step of this.#all()) {
      if (step.pending.length === 0 || (keeps && !everything && !step.closed)) continue;
      this.#show(step);
      this.#print(step);
    }
    if (this.#shown?.closed === true) this.#shown = undefined;
  }

  /** Writes the last line of each step that has ended and is silent since. */
  #close(everything: boolean): void {
    const ended = this.#all().filter((step) => step.endedMs !== undefined && !step.closed);
    for (const step of ended) {
      if (!everything && this.#now() - (step.endedMs ?? 0) < settleMs) continue;
      step.closed = true;
      step.pending.push(...step.output.rest(), endLine(step));
    }
    if (this.#scheduled || ended.every((step) => step.closed)) return;
    this.#scheduled = true;
    this.#later(() => {
      this.#scheduled = false;
      this.#flush(false);
    }, settleMs);
  }

  /** Every step once, in the order in which they ended; cached ones end together, so that the build's own order decides. */
  #all(): readonly Step[] {
    const endOf = (step: Step): number => step.completed ?? Number.MAX_SAFE_INTEGER;
    return [...new Set(this.#steps.values())].sort((a, b) => endOf(a) - endOf(b) || a.depth - b.depth);
  }

  /** A step is deeper than what it builds on. The daemon tells the last step of a build first. */
  #deepen(vertex: VertexState): void {
    const step = this.#steps.get(vertex.digest);
    if (step === undefined || vertex.inputs.length === 0) return;
    step.depth = 1 + Math.max(0, ...vertex.inputs.map((digest) => this.#steps.get(digest)?.depth ?? 0));
  }

  #show(step: Step): void {
    if (this.#shown === step) return;
    this.#shown = step;
    this.#shownSinceMs = this.#now();
    step.number ??= ++this.#lastNumber;
    this.#write(`#${step.number} ${step.name}`);
  }

  #print(step: Step): void {
    for (const line of step.pending.splice(0)) this.#write(`#${step.number ?? 0} ${line}`);
  }
}

function newStep(): Step {
  return {
    number: undefined,
    name: '',
    depth: 0,
    started: undefined,
    completed: undefined,
    cached: false,
    error: '',
    endedMs: undefined,
    closed: false,
    output: new StepOutput(),
    shownStatus: new Map(),
    pending: [],
  };
}

/** A step may run again after an end, e.g. first for its cache key and then in earnest: its time is that of the last run. */
function start(step: Step, startedMs: number, alreadyOver: boolean): void {
  if (!alreadyOver && step.endedMs !== undefined) {
    step.started = startedMs;
    step.completed = undefined;
    step.endedMs = undefined;
    step.closed = false;
  }
  step.started = Math.min(step.started ?? startedMs, startedMs);
}

function isCancelled(error: string): boolean {
  return error.endsWith('context canceled');
}

function endLine(step: Step): string {
  if (step.error !== '') {
    if (isCancelled(step.error)) return 'CANCELED';
    return isCacheImport(step.name) ? `SKIPPED: ${firstLine(step.error)}` : `ERROR: ${firstLine(step.error)}`;
  }
  if (step.cached) return 'CACHED';
  return `DONE ${formatSeconds(durationOf(step))}`;
}

function durationOf({ started, completed }: Step): number {
  return completed === undefined ? 0 : completed - (started ?? completed);
}

function statusOf(step: Step): StepEnd['status'] {
  // A cache that is not there is no error.
  if (step.error !== '' && !isCacheImport(step.name)) return isCancelled(step.error) ? 'CANCELED' : 'ERROR';
  if (step.cached) return 'CACHED';
  return step.completed === undefined ? 'CANCELED' : 'DONE';
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
