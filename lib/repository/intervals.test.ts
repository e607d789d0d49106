import { describe, expect, it } from "vitest";
import { createRandom } from "../math/random.js";
import { describeSpread, findIntervals, intervalOf, type ScoredText } from "./intervals.js";

describe("findIntervals", () => {
  it("takes of n sizes the ceil((n + 1) coverage)-th, and none where there are too few", () => {
    const errors = Array.from({ length: 99 }, (_, i) => (i % 2 === 0 ? 1 : -1) * (i + 1));
    expect(findIntervals(errors)).toEqual([
      { coverage: 0.8, half_width: 80 },
      { coverage: 0.9, half_width: 90 },
      { coverage: 0.95, half_width: 95 },
    ]);
    expect(findIntervals([3, -1, 2, 4])).toEqual([{ coverage: 0.8, half_width: 4 }]);
    expect(findIntervals([])).toEqual([]);
  });

  it("covers new errors that are drawn alike with at least its chance", () => {
    const random = createRandom(3);
    const draw = (count: number) => Array.from({ length: count }, () => random.normal() ** 3);
    const covered = [0, 0, 0];
    const [rounds, fresh] = [400, 50];
    for (let round = 0; round < rounds; round++) {
      const intervals = findIntervals(draw(60));
      const errors = draw(fresh);
      intervals.forEach(({ half_width }, i) => {
        covered[i]! += errors.filter((error) => Math.abs(error) <= half_width).length / (rounds * fresh);
      });
    }
    [0.8, 0.9, 0.95].forEach((coverage, i) => {
      expect(covered[i]).toBeGreaterThan(coverage - 0.01);
      expect(covered[i]).toBeLessThan(coverage + 0.03);
    });
  });
});

describe("describeSpread", () => {
  const random = createRandom(5);
  /** Errors grow with the score, and the shorter the text. */
  const draw = (count: number, tokens: number): ScoredText[] =>
    Array.from({ length: count }, () => {
      const score = 4 * random.uniform() - 2;
      return { score, tokens, error: (score + 3) * (200 / tokens) ** 0.5 * 0.2 * random.normal() };
    });
  const lengths = [5, 20, 80];
  const tables = describeSpread(
    draw(1200, 200),
    lengths.map((tokens) => draw(600, tokens)),
  );
  const isCovered = (text: ScoredText) => {
    const { low, high } = intervalOf(tables, text)!;
    return low <= text.score - text.error && text.score - text.error <= high;
  };

  it.each([...lengths, 200])("covers nine in ten texts of %i tokens, at every score", (tokens) => {
    const texts = draw(6000, tokens);
    for (const third of [0, 1, 2]) {
      const group = texts.filter(({ score }) => Math.floor((score + 2) / (4 / 3)) === third);
      const share = group.filter(isCovered).length / group.length;
      expect(share).toBeGreaterThan(0.84);
      expect(share).toBeLessThan(0.96);
    }
  });

  it("has wider intervals for shorter texts, and constant ones beyond the lengths that it knows", () => {
    const reach = (tokens: number) => intervalOf(tables, { score: 0, tokens })!.high;
    const widths = [1, 5, 12, 20, 80, 140, 200, 5000].map(reach);
    expect(widths).toEqual(widths.toSorted((a, b) => b - a));
    expect(widths[0]).toBe(widths[1]);
    expect(widths.at(-1)).toBe(widths.at(-2));
    expect(widths[0]! / widths.at(-1)!).toBeGreaterThan(4);
  });

  it("does not tell scores apart with few passages, and knows nothing without", () => {
    expect(describeSpread(draw(50, 200)).spread).toBeUndefined();
    expect(describeSpread(draw(50, 200)).intervals).toHaveLength(3);
    expect(describeSpread([])).toEqual({});
    expect(intervalOf({}, { score: 1, tokens: 2 })).toBeNull();
  });

  it("has finite factors where all errors are 0", () => {
    const { spread } = describeSpread(draw(200, 200).map((text) => ({ ...text, error: 0 })));
    expect(spread!.scores.every(({ factor }) => factor === 1)).toBe(true);
  });
});
