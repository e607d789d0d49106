import { existsSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { root } from "../system/package-files.js";
import { type Passage, readPassages } from "./dataset.js";
import { holdOut, splitFolds, splitPassages } from "./split.js";

function passages(targets: readonly number[], texts: readonly string[] = []): Passage[] {
  return targets.map((target, i) => ({ id: `${i}`, excerpt: texts[i] ?? `Text ${i}`, target, standardError: undefined, row: i + 2 }));
}

/** How many of `rows` lie in each fifth of the range of all targets. */
function countBins(all: readonly Passage[], rows: readonly number[]): number[] {
  const targets = all.map(({ target }) => target);
  const [low, high] = [Math.min(...targets), Math.max(...targets)];
  const counts = new Array<number>(5).fill(0);
  for (const i of rows) counts[Math.max(0, Math.ceil(((targets[i]! - low) / (high - low)) * 5) - 1)]!++;
  return counts;
}

describe("splitPassages", () => {
  it("holds out a rounded tenth of each fifth of the range", () => {
    const sizes = [10, 44, 100, 56, 4];
    const all = passages([
      0,
      ...sizes.flatMap((size, bin) => Array.from({ length: size - (bin === 0 ? 1 : 0) }, (_, i) => bin + (i + 1) / size)),
    ]);
    const { train, validation } = splitPassages(all, 0.1, 0);
    expect(countBins(all, validation)).toEqual([1, 4, 10, 6, 0]);
    expect([...train, ...validation].sort((a, b) => a - b)).toEqual(all.map((_, i) => i));
  });

  it("depends only on the seed", () => {
    const all = passages(Array.from({ length: 300 }, (_, i) => Math.sin(i)));
    expect(splitPassages(all, 0.1, 7)).toEqual(splitPassages(all, 0.1, 7));
    expect(splitPassages(all, 0.1, 7)).not.toEqual(splitPassages(all, 0.1, 8));
  });

  it("rounds ties to even, as Python does", () => {
    const all = passages([...new Array<number>(25).fill(0), ...new Array<number>(35).fill(1)]);
    expect(countBins(all, splitPassages(all, 0.1, 0).validation)).toEqual([2, 0, 0, 0, 4]);
  });

  it("puts each passage on one side, the same texts together", () => {
    const rows = fc.array(fc.record({ target: fc.integer({ min: -4, max: 4 }), text: fc.integer({ min: 0, max: 60 }) }), {
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(rows, fc.constantFrom(0, 0.1, 0.5, 1), fc.nat(), (rows, fraction, seed) => {
        const texts = rows.map(({ text }) => `Text ${text}`);
        const all = passages(rows.map(({ target }) => target), texts); // biome-ignore format: one line
        const { train, validation } = splitPassages(all, fraction, seed);
        expect([...train, ...validation].sort((a, b) => a - b)).toEqual(all.map((_, i) => i));
        const held = new Set(validation.map((i) => texts[i]));
        expect(train.filter((i) => held.has(texts[i]))).toEqual([]);
        if (fraction === 0) expect(validation).toEqual([]);
        if (fraction === 1) expect(train).toEqual([]);
      }),
    );
  });

  it("counts each passage of the same text", () => {
    const all = passages(
      new Array<number>(110).fill(1),
      Array.from({ length: 110 }, (_, i) => `Text ${i % 55}`),
    );
    expect(splitPassages(all, 0.1, 0).validation).toHaveLength(10); // 11 cannot be
  });

  it("takes equal targets and a single passage", () => {
    expect(splitPassages(passages(new Array<number>(20).fill(0.5)), 0.1, 0).validation).toHaveLength(2);
    expect(splitPassages(passages([1]), 0.1, 0)).toEqual({ train: [0], validation: [] });
  });
});

describe("splitFolds", () => {
  it("puts each passage in one fold, with equally many from each fifth of the range, give or take one", () => {
    const targets = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(targets, fc.integer({ min: 2, max: 10 }), fc.nat(), (targets, folds, seed) => {
        const all = passages([-20, 20, ...targets]);
        const foldOf = splitFolds(all, folds, seed);
        expect(foldOf).toHaveLength(all.length);
        const rows = (fold: number) => [...foldOf.keys()].filter((i) => foldOf[i] === fold);
        const counts = Array.from({ length: folds }, (_, fold) => countBins(all, rows(fold)));
        expect(counts.flat().reduce((a, b) => a + b)).toBe(all.length);
        for (let bin = 0; bin < 5; bin++) {
          const inBin = counts.map((count) => count[bin]!);
          expect(Math.max(...inBin) - Math.min(...inBin)).toBeLessThanOrEqual(1);
        }
        expect(splitFolds(all, folds, seed)).toEqual(foldOf);
      }),
    );
  });

  it("keeps the same texts together", () => {
    const rows = fc.array(fc.record({ target: fc.integer({ min: -4, max: 4 }), text: fc.integer({ min: 0, max: 30 }) }), { minLength: 1 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 2, max: 6 }), fc.nat(), (rows, folds, seed) => {
        const texts = rows.map(({ text }) => `Text ${text}`);
        const foldOf = splitFolds(passages(rows.map(({ target }) => target), texts), folds, seed); // biome-ignore format: one line
        const byText = new Map(texts.map((text, i) => [text, foldOf[i]]));
        expect(texts.map((text) => byText.get(text))).toEqual(foldOf);
      }),
    );
  });

  it("gives folds that differ by little in size, and others at another seed", () => {
    const all = passages(Array.from({ length: 283 }, (_, i) => Math.sin(i)));
    const sizes = [0, 1, 2, 3, 4].map((fold) => splitFolds(all, 5, 0).filter((of) => of === fold).length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    expect(splitFolds(all, 5, 0)).not.toEqual(splitFolds(all, 5, 1));
  });
});

it("finds the passages that a record held out, and for several splits those that all held out", () => {
  const all = passages(Array.from({ length: 100 }, (_, i) => Math.sin(i)));
  const split = { seed: 3, validation_fraction: 0.2 };
  expect(holdOut(all, [split])).toEqual(splitPassages(all, 0.2, 3).validation);
  const folds = [1, 2, 3, 4].map((number) => ({ seed: 3, validation_fraction: 0.25, fold: { number, of: 4 } }));
  const held = folds.map((fold) => holdOut(all, [fold]));
  expect(held.flat().sort((a, b) => a - b)).toEqual(all.map((_, i) => i));
  expect(held[1]).toEqual([...all.keys()].filter((i) => splitFolds(all, 4, 3)[i] === 1));
  expect(holdOut(all, folds)).toEqual([]);
  expect(holdOut(all, [folds[0]!, split])).toEqual(held[0]!.filter((i) => splitPassages(all, 0.2, 3).validation.includes(i)));
});

const real = join(root, "..", "shared", "data", "commonlit", "train.csv.zip");

// The competition's rules do not allow its data in this repository.
it.skipIf(!existsSync(real))("holds out of the competition's data what pandas.cut and round do", () => {
  const { passages } = readPassages(real, { targets: true });
  const { train, validation } = splitPassages(passages, 0.1, 0);
  expect(countBins(passages, validation)).toEqual([18, 68, 105, 77, 15]);
  expect(train.length + validation.length).toBe(2834);
});
