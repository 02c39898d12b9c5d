// Waiting for work that others wait for too: whoever is told to stop leaves, and the work goes on.

/** The promise's outcome, or the signal's reason when that comes first. */
export async function orAbort<Result>(shared: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  let leave: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([shared, aborted]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
