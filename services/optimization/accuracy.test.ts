import { describe, expect, it } from "vitest";
import { boundError, compareScores } from "./accuracy.js";

describe("compareScores", () => {
  it("measures errors against the targets, differences against fp32", () => {
    const accuracy = compareScores([1, 2, 3, 5], [1, 2, 4, 4], [0, 2, 3, 3]);
    expect(accuracy.rmse).toBeCloseTo(Math.sqrt((1 + 4) / 4), 12);
    expect(accuracy.largestDifference).toBe(1);
    expect(accuracy.meanDifference).toBe(0.5);
  });

  it("measures errors against fp32 where there are no targets", () => {
    expect(compareScores([1, 2], [1, 4], undefined).rmse).toBeCloseTo(Math.SQRT2, 12);
  });

  it("correlates ranks: 1 for any growing function, -1 for a falling one, ties sharing their rank", () => {
    const correlation = (a: number[], b: number[]) => compareScores(a, b, undefined).rankCorrelation;
    expect(correlation([1, 2, 3, 10], [-5, 0, 1, 1.5])).toBeCloseTo(1, 12);
    expect(correlation([3, 2, 1], [1, 2, 3])).toBeCloseTo(-1, 12);
    expect(correlation([1, 1, 2], [1, 2, 3])).toBeCloseTo(Math.sqrt(3) / 2, 12); // as scipy.stats.spearmanr
    expect(correlation([1, 1], [1, 2])).toBe(0);
  });
});

describe("boundError", () => {
  it("adds the margin to fp32's error", () => {
    expect(boundError(0.005, { rmse: 0.52 })).toBeCloseTo(0.525, 12);
  });

  it("allows without targets what would make the expected error larger by the margin", () => {
    const bound = boundError(0.005, { rmse: 0, expected: 0.52 });
    expect(Math.hypot(0.52, bound)).toBeCloseTo(0.525, 12);
  });
});
