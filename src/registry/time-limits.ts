// How long a request may say nothing. Total times are not limited: a slow line may take hours, as long as bytes move.

/** All in milliseconds. */
export interface TimeLimits {
  /** Name lookup, TCP and TLS together. */
  readonly connectMs: number;
  /** From the last byte of the request to the headers of the answer. */
  readonly headersMs: number;
  /** The same after the body of the largest blobs; see `commitLimitMs`. */
  readonly commitMs: number;
  /** A blob that comes no further for so long in all, whatever is tried, is given up. */
  readonly stuckBlobMs: number;
  /** An upload of which no byte was taken for so long is broken off. */
  readonly stalledUploadMs: number;
  /** A download must bring 1 KiB in this time. */
  readonly stalledDownloadMs: number;
  /** Idle connections are kept for as long. */
  readonly keepAliveMs: number;
  /** For cancelling uploads when the run is over. */
  readonly cancelMs: number;
}

export const defaultTimeLimits: TimeLimits = {
  // A lost SYN is repeated after 1, 3 and 7 s: three of them fit.
  connectMs: 10_000,
  headersMs: 120_000,
  // Object stores put gigabytes together before they answer.
  commitMs: 30 * 60_000,
  stuckBlobMs: 10 * 60_000,
  stalledUploadMs: 60_000,
  stalledDownloadMs: 30_000,
  // Longer than the gap between the preflight of a short build and its push; servers that close earlier say so.
  keepAliveMs: 30_000,
  cancelMs: 2_000,
};

/** What a slow store puts together in `headersMs`: two megabytes a second. */
const commitBytes = 256 * 1024 * 1024;
/** A shorter silence than this is usual for a busy machine, ours or theirs. */
const minStallMs = 1000;

/**
 * How long a registry may say nothing after the whole body of a blob: twice what any answer may take, so that there is time to
 * ask whether the blob is there, and more for larger ones, up to `commitMs`.
 */
export function commitLimitMs({ headersMs, commitMs }: TimeLimits, sizeBytes: number): number {
  return Math.min(commitMs, 2 * headersMs + (headersMs * sizeBytes) / commitBytes);
}

/** The limits for somebody whose patience with a silent registry is not the usual one; the others keep their proportions. */
export function timeLimitsFor(headersMs: number): Partial<TimeLimits> {
  const usual = defaultTimeLimits;
  const share = headersMs / usual.headersMs;
  return {
    headersMs,
    commitMs: usual.commitMs * share,
    stuckBlobMs: usual.stuckBlobMs * share,
    connectMs: Math.min(usual.connectMs, headersMs),
    stalledUploadMs: Math.max(minStallMs, usual.stalledUploadMs * share),
    stalledDownloadMs: Math.max(minStallMs, usual.stalledDownloadMs * share),
  };
}
