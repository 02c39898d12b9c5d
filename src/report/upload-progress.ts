// Upload progress as plain lines: one when a blob is done, and one every few seconds for a large one, so that a log
// reader sees that the step is alive.
import { formatBytes } from './format.ts';

/** A large layer says how far it is this often. */
const intervalMs = 5_000;

/** The same facts as publish/ tells them. */
export interface UploadEvent {
  readonly repository: string;
  readonly digest: string;
  /** 1 = lowest layer, 0 = the config. */
  readonly position: number;
  readonly layers: number;
  readonly state: 'known' | 'exists' | 'mounted' | 'uploading' | 'uploaded';
  readonly sentBytes: number;
  readonly totalBytes: number;
}

/** Prints upload events. */
export class UploadProgress {
  readonly #write: (line: string) => void;
  readonly #now: () => number;
  readonly #startedMs = new Map<string, number>();
  readonly #shownMs = new Map<string, number>();

  /** @param now monotonic milliseconds */
  constructor(write: (line: string) => void, now: () => number) {
    this.#write = write;
    this.#now = now;
  }

  update(event: UploadEvent): void {
    const key = `${event.repository}@${event.digest}`;
    const now = this.#now();
    const started = this.#startedMs.get(key) ?? now;
    this.#startedMs.set(key, started);
    const what = event.position === 0 ? 'config' : `layer ${event.position}/${event.layers}`;
    if (event.state === 'uploading') {
      if (now - (this.#shownMs.get(key) ?? started) < intervalMs) return;
      this.#shownMs.set(key, now);
      this.#write(`${what} uploading ${formatBytes(event.sentBytes)} / ${formatBytes(event.totalBytes)}`);
      return;
    }
    this.#write(`${what} ${wording[event.state]}, ${formatBytes(event.totalBytes)}`);
  }
}

const wording: Readonly<Record<Exclude<UploadEvent['state'], 'uploading'>, string>> = {
  known: 'already in the registry',
  exists: 'already in the registry',
  mounted: 'mounted from another repository',
  uploaded: 'uploaded',
};
