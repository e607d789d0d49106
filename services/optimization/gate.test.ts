import { expect, it } from "vitest";
import { type GateOptions, runGate } from "./gate.js";

const targets = [10, 30, 50, 90];
const options = { targets, margin: 0.005, expected: undefined, candidates: ["int8"] } as const;
/** A gate whose int8 scores are all off by so much; fp32's are right. */
const passes = async (error: number, more: Partial<GateOptions>) => {
  const { results } = await runGate({ ...options, ...more }, async (precision) =>
    targets.map((t) => t + (precision === "int8" ? error : 0)),
  );
  return results[1]!.passed;
};

it("lets the RMSE grow in proportion to the spread of standardized labels", async () => {
  expect(await passes(0.004, {})).toBe(true);
  expect(await passes(0.006, {})).toBe(false);
  expect(await passes(0.09, { deviation: 20 })).toBe(true);
  expect(await passes(0.11, { deviation: 20 })).toBe(false);
});

it("does so without targets too, by the error that such a model usually has", async () => {
  const bound = async (more: Partial<GateOptions>) =>
    (await runGate({ ...options, targets: undefined, ...more }, async () => [1, 2])).bound;
  expect(await bound({ deviation: 20 })).toBeCloseTo(20 * (await bound({})), 9);
});
