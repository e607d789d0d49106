import { expect, it } from "vitest";
import { compareScores } from "./compare-scores.js";
import { noiseFloor } from "./noise-floor.js";

const tables = { intervals: [{ coverage: 0.8, half_width: 0.4 }, { coverage: 0.9, half_width: 0.6 }] }; // biome-ignore format: one line
const count = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

it("is exactly 0 for texts of the same tokens", () => {
  const text = { score: -0.7, ids: [1, 2, 3] };
  expect(compareScores(text, text, tables)).toEqual({ score: 0, interval: { low: 0, high: 0, coverage: 0.9 } });
});

it("is the surer the more tokens the versions share", () => {
  const before = { score: -1, ids: count(0, 100) };
  const other = compareScores(before, { score: -0.5, ids: count(100, 200) }, tables);
  expect(other.score).toBe(0.5);
  expect(other.interval!.high - 0.5).toBeCloseTo(0.6 * Math.SQRT2, 12); // as for two texts
  const half = compareScores(before, { score: -0.5, ids: [...count(0, 50), ...count(100, 150)] }, tables);
  expect(0.5 - half.interval!.low).toBeCloseTo(0.6, 12);
  const word = compareScores(before, { score: -0.5, ids: [...count(0, 99), 500] }, tables);
  expect(word.interval!.high - 0.5).toBeCloseTo(0.6 * Math.sqrt(2 / 100), 12);
});

it("is never surer than the noise floor for texts that differ", () => {
  const long = count(0, 10_000);
  const { interval } = compareScores({ score: 0, ids: long }, { score: 0, ids: [...long, 5] }, tables);
  expect(interval).toEqual({ low: -noiseFloor, high: noiseFloor, coverage: 0.9 });
});

it("has no interval without a table", () => {
  expect(compareScores({ score: 1, ids: [1] }, { score: 2, ids: [2] }, {})).toEqual({ score: 1, interval: null });
});
