/** How much of a stream is worked on at the same time. */
export interface InFlight {
  readonly items: number;
  /** Sum of their sizes; one item may be larger. */
  readonly size: number;
}

/**
 * Works on the items of a stream side by side, and yields the results in their order. It reads an item only if its work may begin, and
 * nothing while nobody takes the results.
 * @param work must not reject
 */
export async function* workInOrder<T, R>(
  items: AsyncIterator<T>,
  most: InFlight,
  sizeOf: (item: T) => number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: { readonly size: number; readonly result: Promise<R> }[] = [];
  const sum = () => running.reduce((sum, { size }) => sum + size, 0);
  let next: Promise<IteratorResult<T>> | undefined;
  let ended = false;
  try {
    for (;;) {
      if (!ended && running.length < most.items && sum() < most.size) next ??= items.next();
      const [first] = running;
      if (!first && !next) return;
      const isItem = await Promise.race([...(next ? [next.then(() => true)] : []), ...(first ? [first.result.then(() => false)] : [])]);
      if (!isItem) {
        running.shift();
        yield await first!.result;
        continue;
      }
      const { value, done } = await next!;
      next = undefined;
      if (done) ended = true;
      else running.push({ size: sizeOf(value), result: work(value) });
    }
  } finally {
    await items.return?.();
  }
}
