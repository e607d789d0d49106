/** What can stand in a list, in one at a time. */
export interface Link {
  before?: Link | undefined;
  after?: Link | undefined;
}

/** Values in an order: each call takes the same time, however many there are. */
export interface List<T extends Link> {
  readonly length: number;
  has(value: T): boolean;
  /** Puts a value last, or first. */
  push(value: T): void;
  unshift(value: T): void;
  /** Takes out the first value. */
  shift(): T | undefined;
  /** Takes out a value, where it is in. */
  remove(value: T): void;
}

export function createList<T extends Link>(): List<T> {
  const ends: Link = {}; // between the last value and the first: the list is a ring
  ends.before = ends.after = ends;
  let length = 0;
  const insert = (value: T, before: Link, after: Link) => {
    value.before = before;
    value.after = after;
    before.after = after.before = value;
    length += 1;
  };
  const has = (value: T) => value.after !== undefined;
  const remove = (value: T) => {
    if (!has(value)) return;
    value.before!.after = value.after;
    value.after!.before = value.before;
    value.before = value.after = undefined;
    length -= 1;
  };
  return {
    get length() {
      return length;
    },
    has,
    push: (value) => insert(value, ends.before!, ends),
    unshift: (value) => insert(value, ends, ends.after!),
    shift() {
      if (length === 0) return undefined;
      const first = ends.after as T;
      remove(first);
      return first;
    },
    remove,
  };
}
