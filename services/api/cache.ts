import { createHash } from "node:crypto";

export interface Cache<V> {
  get(text: string): V | undefined;
  set(text: string, value: V): void;
}

/** Keeps the values of the `size` texts that were used last. It holds hashes of the texts, not the texts. */
export function createCache<V extends object>(size: number): Cache<V> {
  const values = new Map<string, V>(); // least recently used first
  return {
    get(text) {
      if (size === 0) return undefined;
      const key = hashText(text);
      const value = values.get(key);
      if (value === undefined) return undefined;
      values.delete(key);
      values.set(key, value);
      return value;
    },
    set(text, value) {
      if (size === 0) return;
      const key = hashText(text);
      values.delete(key);
      values.set(key, value);
      if (values.size > size) values.delete(values.keys().next().value!);
    },
  };
}

// UTF-16 keeps unpaired surrogates distinct; in UTF-8 they would all become one replacement character.
function hashText(text: string): string {
  return createHash("sha256").update(Buffer.from(text, "utf16le")).digest("base64");
}
