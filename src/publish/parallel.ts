// A bounded number of things at a time, each with its own outcome.

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
