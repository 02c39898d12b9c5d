// How long a request may say nothing. Total times are not limited: a slow line may take hours, as long as bytes move.

/** All in milliseconds. */
export interface TimeLimits {
  /** Name lookup, TCP and TLS together. */
  readonly connectMs: number;
  /** From the last byte of the request to the headers of the answer. */
  readonly headersMs: number;
  /** The same after the body of a blob. */
  readonly commitMs: number;
  /** An upload of which no byte was taken for so long is given up. */
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
  stalledUploadMs: 60_000,
  stalledDownloadMs: 30_000,
  // Longer than the gap between the preflight of a short build and its push; servers that close earlier say so.
  keepAliveMs: 30_000,
  cancelMs: 2_000,
};

/** The limits for somebody whose patience with a silent registry is not the usual one; the others keep their proportions. */
export function timeLimitsFor(headersMs: number): Partial<TimeLimits> {
  const share = headersMs / defaultTimeLimits.headersMs;
  return {
    headersMs,
    connectMs: Math.min(defaultTimeLimits.connectMs, headersMs),
    stalledUploadMs: defaultTimeLimits.stalledUploadMs * share,
    stalledDownloadMs: defaultTimeLimits.stalledDownloadMs * share,
  };
}
