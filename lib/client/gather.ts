/** What of a source is held at most: so many items, and no more after so many characters. */
export interface Room {
  readonly items: number;
  readonly characters: number;
}

/**
 * The items of a source in groups: what has come while the last group was in use, at least one. Reads ahead only as far as there is room.
 * @throws the reason of `signal`; what reading throws, after the items that came before
 */
export async function* gather<T>(
  source: AsyncIterable<T> | Iterable<T>,
  room: Room,
  sizeOf: (item: T) => number,
  signal: AbortSignal | undefined,
): AsyncGenerator<T[]> {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  let [waiting, characters]: [T[], number] = [[], 0];
  let end: { readonly error?: unknown } | undefined;
  let [onItem, onRoom] = [() => {}, () => {}];

  async function read(): Promise<void> {
    try {
      while (!end) {
        const { done, value } = await iterator.next();
        if (done) break;
        waiting.push(value);
        characters += sizeOf(value);
        onItem();
        if (waiting.length >= room.items || characters >= room.characters) await new Promise<void>((resolve) => (onRoom = resolve));
      }
      end ??= {};
    } catch (error) {
      end ??= { error };
    }
    onItem();
  }

  const stop = () => onItem();
  signal?.addEventListener("abort", stop);
  void read();
  try {
    for (;;) {
      if (waiting.length === 0 && !end && !signal?.aborted) await new Promise<void>((resolve) => (onItem = resolve));
      await new Promise((resolve) => setTimeout(resolve)); // what is ready comes before
      signal?.throwIfAborted();
      const group = waiting;
      if (group.length > 0) {
        [waiting, characters] = [[], 0];
        onRoom();
        yield group;
      } else if (end) {
        if ("error" in end) throw end.error;
        return;
      }
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    const isDone = end !== undefined;
    end ??= {};
    onRoom();
    if (!isDone) void Promise.resolve(iterator.return?.()).catch(() => {}); // not awaited: it may wait for a late item
  }
}
