// A bounded number of things at a time, each with its own outcome.
import { setMaxListeners } from 'node:events';

/** Small requests of one kind at a time; a registry client has more connections to an origin than that. */
export const parallelRequests = 6;

/** Runs `work` for every item, at most `limit` at once; never rejects. Results keep the order of the items. */
export async function settleAll<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<PromiseSettledResult<Result>[]> {
  const results = new Map<number, PromiseSettledResult<Result>>();
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [position, item] of queue) {
      const [result] = await Promise.allSettled([work(item)]);
      results.set(position, result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return items.flatMap((_, position) => results.get(position) ?? []);
}

/** The same, but the first failure (in the order of the items) is thrown once all have ended. */
export async function mapAll<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const settled = await settleAll(items, limit, work);
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

/** The same for work that is dear: the first failure (in time) stops the others, and is thrown once all have ended. */
export async function allOrStop<Item>(
  items: readonly Item[],
  limit: number,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  // Every request under way listens to it.
  setMaxListeners(0, either);
  await settleAll(items, limit, async (item) => {
    if (either.aborted) return;
    await work(item, either).catch((error: unknown) => failure.abort(error));
  });
  either.throwIfAborted();
}
