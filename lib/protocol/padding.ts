import type { Batch } from "./batch.js";

/**
 * A batch of one text, padded to the shortest bucket that holds it: a text longer than all of them, or without buckets, is not padded.
 * @param buckets lengths, ascending
 */
export function padToBucket(ids: ArrayLike<number>, buckets: readonly number[], padId: number): Batch {
  const sequence = buckets.find((length) => length >= ids.length) ?? ids.length;
  const inputIds = new BigInt64Array(sequence).fill(BigInt(padId));
  inputIds.set(Array.from(ids, BigInt));
  const attentionMask = new BigInt64Array(sequence).fill(1n, 0, ids.length);
  return { batch: 1, sequence, inputIds, attentionMask, tokenTypeIds: new BigInt64Array(sequence) };
}
