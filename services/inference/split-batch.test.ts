import fc from "fast-check";
import { expect, it } from "vitest";
import { splitBatch } from "./split-batch.js";

const id = fc.bigInt({ min: 0n, max: 30_000n });

it("gives every text its own tokens, without the padding that a batch needs", () => {
  const texts = fc.array(fc.array(id, { minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(texts, fc.nat(3), (texts, extra) => {
      const sequence = Math.max(...texts.map((ids) => ids.length)) + extra;
      const pad = (row: (ids: bigint[]) => bigint[]) =>
        BigInt64Array.from(texts.flatMap((ids) => [...row(ids), ...Array<bigint>(sequence - ids.length).fill(0n)]));
      const rows = splitBatch({
        batch: texts.length,
        sequence,
        inputIds: pad((ids) => ids),
        attentionMask: pad((ids) => ids.map(() => 1n)),
        tokenTypeIds: pad((ids) => ids.map((id) => id % 2n)),
      });
      expect(rows).toEqual(texts.map((ids) => ({ ids: BigInt64Array.from(ids), types: BigInt64Array.from(ids, (id) => id % 2n) })));
    }),
  );
});

it.each([
  ["left padding", [0n, 1n, 1n]],
  ["a hole", [1n, 0n, 1n]],
  ["no token", [0n, 0n, 0n]],
  ["other numbers", [1n, 2n, 0n]],
])("keeps a row whole, with its mask, where that shows %s", (_, mask) => {
  const ids = BigInt64Array.from([5n, 6n, 7n]);
  const batch = { batch: 1, sequence: 3, inputIds: ids, attentionMask: BigInt64Array.from(mask), tokenTypeIds: new BigInt64Array(3) };
  expect(splitBatch(batch)).toEqual([{ ids, mask: BigInt64Array.from(mask), types: new BigInt64Array(3) }]);
});
