import { expect, it } from "vitest";
import { chooseTolerance } from "./stage.js";

it("allows twice the largest difference, and at least a tenth of the labels' spread", () => {
  const served = (largestDifference: number) => ({ accuracy: { rmse: 0, meanDifference: 0, rankCorrelation: 1, largestDifference } });
  expect(chooseTolerance(served(0.01))).toBe(0.1);
  expect(chooseTolerance(served(0.3))).toBe(0.6);
  expect(chooseTolerance(served(0.01), 200)).toBe(20);
  expect(chooseTolerance(served(0.0001), 0.01)).toBe(0.001);
});
