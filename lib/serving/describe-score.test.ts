import { expect, it } from "vitest";
import type { WarningCode } from "../text/warnings.js";
import { describeScore } from "./describe-score.js";

const tables = {
  intervals: [
    { coverage: 0.9, half_width: 0.5 },
    { coverage: 0.95, half_width: 1 },
  ],
  percentiles: Array.from({ length: 101 }, (_, percent) => -3 + percent / 20), // -3 to 2
  grades: [
    { score: -2, grade: 12 },
    { score: 2, grade: 0 },
  ],
};
const warn = (...codes: WarningCode[]) => codes.map((code) => ({ code, message: "" }));

it("reads interval, percentile and grades from the tables", () => {
  expect(describeScore(tables, { score: -0.5, tokens: 200 }, warn("too-short"))).toEqual({
    interval: { low: -1, high: 0, coverage: 0.9 },
    percentile: 50,
    grade: { low: 6, high: 9, basis: expect.stringContaining("Flesch-Kincaid") },
  });
});

it("has null for what the tables do not tell", () => {
  expect(describeScore({}, { score: 1, tokens: 200 }, [])).toEqual({ interval: null, percentile: null, grade: null });
  const { intervals, percentiles, grades } = tables;
  expect(describeScore({ grades }, { score: 1, tokens: 200 }, []).grade).toBeNull();
  expect(describeScore({ intervals, grades }, { score: 1, tokens: 200 }, []).grade).toMatchObject({ low: 1.5, high: 4.5 });
  expect(describeScore({ percentiles }, { score: 9, tokens: 200 }, [])).toEqual({ interval: null, percentile: 100, grade: null });
});

it("gives no grade outside the training labels, nor to what is no English prose", () => {
  expect(describeScore(tables, { score: 2.1, tokens: 200 }, []).grade).toBeNull();
  expect(describeScore(tables, { score: -3.1, tokens: 200 }, []).grade).toBeNull();
  expect(describeScore(tables, { score: 0, tokens: 200 }, warn("verse", "not-english"))).toMatchObject({ grade: null, percentile: 60 });
});
