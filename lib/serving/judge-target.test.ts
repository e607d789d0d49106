import { describe, expect, it } from "vitest";
import { judgeTarget } from "./judge-target.js";

const tables = {
  intervals: [
    { coverage: 0.8, half_width: 0.5 },
    { coverage: 0.95, half_width: 1 },
  ],
  grades: [
    { score: -2, grade: 12 },
    { score: 0, grade: 6 },
    { score: 1, grade: 6 },
    { score: 2, grade: 2 },
  ],
};

describe("a target score", () => {
  it.each([
    ["far easier", 1, { suits: "yes", difference: 1, confidence: 0.975 }],
    ["easier", 0.5, { suits: "yes", difference: 0.5, confidence: 0.9 }],
    ["a little easier", 0.25, { suits: "unsure", difference: 0.25, confidence: null }],
    ["the same", 0, { suits: "unsure", difference: 0, confidence: null }],
    ["harder", -0.75, { suits: "no", difference: -0.75, confidence: 0.9 }],
    ["far harder", -3, { suits: "no", difference: -3, confidence: 0.975 }],
  ])("is judged by the intervals: a text that is %s", (_, score, judged) => {
    expect(judgeTarget({ score: 0 }, { score, tokens: 200 }, tables, false)).toEqual({ score: 0, ...judged });
  });

  it("is judged by the intervals of the text's length", () => {
    const spread = { scores: [{ score: 0, factor: 1 }], tokens: [{ tokens: 10, factor: 3 }, { tokens: 200, factor: 1 }] }; // biome-ignore format: one line
    const judge = (tokens: number) => judgeTarget({ score: 0 }, { score: 1, tokens }, { ...tables, spread }, false).suits;
    expect([judge(10), judge(200)]).toEqual(["unsure", "yes"]);
  });

  it("is not judged without intervals", () => {
    expect(judgeTarget({ score: 0 }, { score: 1, tokens: 200 }, {}, true)).toEqual({
      score: 0,
      suits: null,
      difference: 1,
      confidence: null,
    });
  });
});

describe("a target grade", () => {
  const scoreOf = (grade: number) => judgeTarget({ grade }, { score: 0, tokens: 200 }, tables, true).score;

  it("means the lowest score with such a grade", () => {
    expect([12, 9, 6, 4, 2].map(scoreOf)).toEqual([-2, -1, 0, 1.5, 2]);
  });

  it("is the lowest score known if no text is that hard, and none if no text is that easy", () => {
    expect([scoreOf(20), scoreOf(1)]).toEqual([-2, null]);
  });

  it("is not judged without grades, nor where they mean nothing", () => {
    const unknown = { score: null, suits: null, difference: null, confidence: null };
    expect(judgeTarget({ grade: 6 }, { score: 0, tokens: 200 }, { intervals: tables.intervals }, true)).toEqual(unknown);
    expect(judgeTarget({ grade: 6 }, { score: 0, tokens: 200 }, tables, false)).toEqual(unknown);
  });
});
