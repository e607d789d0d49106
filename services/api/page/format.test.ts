import { expect, it } from "vitest";
import { countWords, formatCount, formatDifference, formatGrades, formatScore, shorten } from "./format.js";

it("shows scores to a tenth and differences to a hundredth, with a real minus", () => {
  expect([-0.83, 1.25, -0.04].map(formatScore)).toEqual(["−0.8", "1.3", "0.0"]);
  expect([0.123, -0.5, 0.001, -0.001].map(formatDifference)).toEqual(["+0.12", "−0.50", "0.00", "0.00"]);
});

it("names school grades", () => {
  const name = (low: number, high: number) => formatGrades({ low, high });
  expect([name(5.2, 7.8), name(6.1, 6.3), name(10.4, 13.1), name(12.9, 13.8)]).toEqual([
    "Grades 5 to 8",
    "Grade 6",
    "Grade 10 to college",
    "College",
  ]);
});

it("counts words and shortens sentences", () => {
  expect(countWords("It’s 3.5 km to St. Ives – isn't it?")).toBe(8);
  expect([formatCount(1, "word"), formatCount(20_000, "word")]).toEqual(["1 word", "20,000 words"]);
  expect(shorten("One two\nthree four", 9)).toBe("One two …");
});
