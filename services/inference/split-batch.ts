import type { Batch } from "../../lib/protocol/batch.js";
import type { Row } from "../../lib/serving/worker-pool.js";

/**
 * The rows of a batch, each to run alone. A row whose mask is ones and then zeros loses its padding and its mask, so that its score does
 * not depend on its neighbours' lengths. Any other mask stays.
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
