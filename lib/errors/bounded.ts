import { z } from "zod";

/** Rough memory of a parsed value in bytes, by the first character of its JSON. */
const weights = new Uint8Array(256);
for (const [characters, weight] of [
  ["{[:", 64],
  ['"', 32],
  [",", 8],
] as const)
  for (const character of characters) weights[character.charCodeAt(0)] = weight;

const [quote, backslash] = [0x22, 0x5c];

/**
 * Parses JSON unless its values would take more memory than `limit`, as even a small file of brackets or keys can.
 * @param limit bytes: 8 for a number, more for strings, keys, arrays and objects
 * @throws Error with what is wrong
 */
export function parseBoundedJson(bytes: Uint8Array, limit: number): unknown {
  let weight = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (inString && byte === backslash) i++;
    else if (byte === quote) {
      inString = !inString;
      weight += inString ? weights[quote]! : 0;
    } else if (!inString) weight += weights[byte]!;
    if (weight > limit) throw new Error(`its values would take more than ${limit} bytes`);
  }
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
}

/** An array of at most `most` items. zod would read every item of a longer one, and collect an issue for each. */
export function boundedArray<T extends z.ZodType>(item: T, most: number) {
  const error = ({ input }: { readonly input?: unknown }) =>
    Array.isArray(input) ? `must have at most ${most} items` : "must be an array";
  return z.custom<unknown[]>((value) => Array.isArray(value) && value.length <= most, { error }).pipe(z.array(item));
}

const mostFields = 100;

/** An object with a bounded number of fields, for a schema that reads every field. */
export function boundedObject<O, T extends z.ZodType<O, object>>(schema: T) {
  const isObject = (value: unknown) => typeof value === "object" && value !== null;
  const error = ({ input }: { readonly input?: unknown }) =>
    isObject(input) ? `must have at most ${mostFields} fields` : "must be an object";
  return z.custom<object>((value) => isObject(value) && Object.keys(value as object).length <= mostFields, { error }).pipe(schema);
}
