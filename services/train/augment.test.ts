import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { mean } from "../../lib/math/statistics.js";
import { loadTokenizer } from "../../lib/text/tokenizer.js";
import { writeByteLevelTokenizer, writeWordPieceTokenizer } from "../../test/tiny-tokenizers.js";
import { createAugment, type TrainingExample, tokenizeSentences } from "./augment.js";
import { batches } from "./batches.js";

const folder = mkdtempSync(join(tmpdir(), "augment-"));
writeWordPieceTokenizer(join(folder, "wordpiece"));
writeByteLevelTokenizer(join(folder, "bytelevel"));
const tokenizer = loadTokenizer(join(folder, "wordpiece"));
afterAll(() => rmSync(folder, { recursive: true }));

const maxLength = 64;
/** Passages of sentences with as many tokens as given, each ended by a full stop. */
const passage = (id: string, target: number, sentences: readonly number[], weight?: number): TrainingExample => {
  const text = sentences.map((tokens) => `The ${"cat ".repeat(tokens - 2)}.`).join(" ");
  const ids = tokenizer.encodeTruncated(text, maxLength);
  return { id, ids, target, ...(weight === undefined ? {} : { weight }), sentences: tokenizeSentences(tokenizer, text) };
};
const examples = [
  passage("a", -1, [5, 8, 3, 9, 4, 6]),
  passage("b", 0.5, [12, 7, 11], 2),
  passage("c", 1, [30, 30, 30]),
  passage("d", 0, [4]),
];
const bodyOf = (ids: ArrayLike<number>) => [...Array.from(ids)].slice(1, -1);
const augmentWith = (settings: { crop: number; join: number; seed?: number }) =>
  createAugment({ seed: 0, maxLength, ...settings }, tokenizer, examples);

/** Where a crop lies in the passage's tokens. Sentences of one length are alike, so the lengths above differ. */
const runsOf = ({ sentences }: TrainingExample) => {
  const { ids, ends } = sentences!;
  const starts = [0, ...ends.slice(0, -1)];
  return starts.flatMap((start, i) => ends.slice(i).map((end) => [...ids.subarray(start, end)].join()));
};

it("sentence by sentence, a text has the tokens that it has as a whole", () => {
  const text = 'The cat sat.  "On the mat?" asked 7 cats.\n\nHeading\n\nThe end';
  for (const name of ["wordpiece", "bytelevel"]) {
    const tokenizer = loadTokenizer(join(folder, name));
    const { ids, ends } = tokenizeSentences(tokenizer, text);
    expect([...ids]).toEqual(bodyOf(tokenizer.encode(text)));
    expect(ends).toHaveLength(4);
    expect(ends.at(-1)).toBe(ids.length);
  }
});

describe("crops", () => {
  const augment = augmentWith({ crop: 1, join: 0 });
  const draws = (example: TrainingExample) => Array.from({ length: 300 }, (_, step) => augment(example, step + 1, step % 7));

  it("are runs of whole sentences with the passage's target and weight", () => {
    for (const example of examples.slice(0, 2)) {
      const runs = runsOf(example);
      for (const { id, ids, target, weight = 1 } of draws(example)) {
        expect(runs).toContain(bodyOf(ids).join());
        expect(ids[0]).toBe(2);
        expect(ids.at(-1)).toBe(3);
        expect({ id, target, weight }).toEqual({ id: example.id, target: example.target, weight: example.weight ?? 1 });
      }
    }
  });

  it("have 16 tokens or more where the passage has, are of many lengths, and fit in --max-length", () => {
    const lengths = draws(examples[0]!).map(({ ids }) => ids.length - 2);
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(16);
    expect(new Set(lengths).size).toBeGreaterThan(4);
    expect(Math.max(...lengths)).toBe(35);
    expect(draws(examples[3]!).every(({ ids }) => ids.length === 4 + 2)).toBe(true);
    const long = draws(examples[2]!).map(({ ids }) => ids.length);
    expect([...new Set(long)].sort()).toEqual([32, 62, 64]); // one, two and three sentences, the last cut
  });

  it("take the place of as many passages as asked for", () => {
    const some = augmentWith({ crop: 0.25, join: 0 });
    const whole = Array.from({ length: 2000 }, (_, i) => some(examples[1]!, i, 0)).filter(({ ids }) => ids === examples[1]!.ids).length;
    expect(whole / 2000).toBeCloseTo(0.75, 1);
  });
});

describe("joins", () => {
  it("have the mean target and weight of their parts, weighted by tokens, and fit in --max-length", () => {
    const augment = augmentWith({ crop: 0, join: 1 });
    const byId = new Map(examples.map((example) => [example.id, example]));
    const counts = new Set<number>();
    for (let step = 1; step <= 300; step++) {
      const { id, ids, target, weight } = augment(examples[0]!, step, 0);
      const parts = id.split(" + ").map((name) => byId.get(name)!);
      counts.add(parts.length);
      expect(parts[0]).toBe(examples[0]);
      const kept = parts.flatMap((part) => [...part.sentences!.ids].map((token) => ({ token, part }))).slice(0, maxLength - 2);
      expect(bodyOf(ids)).toEqual(kept.map(({ token }) => token));
      const average = (value: (part: TrainingExample) => number) => mean(kept.map(({ part }) => value(part)));
      expect(target).toBeCloseTo(average((part) => part.target), 12); // biome-ignore format: one line
      expect(weight).toBeCloseTo(average((part) => part.weight ?? 1), 12); // biome-ignore format: one line
    }
    expect([...counts].sort().slice(0, 2)).toEqual([2, 3]);
  });

  it("leave a passage alone that fills --max-length", () => {
    expect(augmentWith({ crop: 0, join: 1 })(examples[2]!, 1, 0).ids).toBe(examples[2]!.ids);
  });
});

it("a resumed run gets the same crops and joins; another epoch or seed gets others", () => {
  const settings = { batch: 2, epochs: 3, maxSteps: 0 };
  const run = (seed: number, before: number) => [
    ...batches(examples, { seed, ...settings }, before, augmentWith({ crop: 0.5, join: 0.5, seed })),
  ];
  fc.assert(
    fc.property(fc.nat(), fc.nat(6), (seed, before) => {
      expect(run(seed, before)).toEqual(run(seed, 0).slice(before));
    }),
    { numRuns: 30 },
  );
  const idsOf = (seed: number, epoch: number) =>
    run(seed, 0)
      .filter((batch) => batch.epoch === epoch)
      .flatMap(({ examples }) => examples.map(({ id, ids }) => [id, ...ids].join()))
      .sort();
  expect(idsOf(1, 1)).not.toEqual(idsOf(1, 2));
  expect(idsOf(1, 1)).not.toEqual(idsOf(2, 1));
  expect(run(1, 0)[0]!.tokens).toBe(run(1, 0)[0]!.examples.reduce((sum, { ids }) => sum + ids.length, 0));
});
