import type { Row } from "./runner.js";

/** Texts of one request, padded to one length: each tensor [batch, sequence], rows one after another. */
export interface Batch {
  readonly batch: number;
  readonly sequence: number;
  readonly inputIds: BigInt64Array;
  readonly attentionMask: BigInt64Array;
  readonly tokenTypeIds: BigInt64Array;
}

/**
 * The rows of a batch, each to be run alone. One whose mask is ones and then zeros loses its padding (and the mask), so that its
 * score does not depend on its neighbours' lengths; any other mask is kept as it is.
 */
export function splitBatch({ batch, sequence, inputIds, attentionMask, tokenTypeIds }: Batch): readonly Row[] {
  return Array.from({ length: batch }, (_, i) => {
    const row = (data: BigInt64Array, length: number) => data.slice(i * sequence, i * sequence + length);
    const mask = row(attentionMask, sequence);
    const tokens = mask.lastIndexOf(1n) + 1;
    const isPrefix = tokens > 0 && mask.every((value, at) => value === (at < tokens ? 1n : 0n));
    return isPrefix
      ? { ids: row(inputIds, tokens), types: row(tokenTypeIds, tokens) }
      : { ids: row(inputIds, sequence), mask, types: row(tokenTypeIds, sequence) };
  });
}
