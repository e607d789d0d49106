import type { Scale } from "./answers.js";

type Grades = NonNullable<Scale["grades"]>;

/** The share of labels in each of `bins` equal parts of their range. @param percentiles labels below which 0, 1, ... 100 % lie */
export function findBins(
  percentiles: readonly number[],
  bins: number,
): { readonly low: number; readonly high: number; readonly share: number }[] {
  const [lowest, highest] = [percentiles[0]!, percentiles.at(-1)!];
  const edge = (i: number) => lowest + ((highest - lowest) * i) / bins;
  return Array.from({ length: bins }, (_, i) => {
    const [low, high] = [edge(i), edge(i + 1)];
    return { low, high, share: shareBelow(percentiles, high) - shareBelow(percentiles, low) };
  });
}

/** The share of labels below a score, from 0 to 1. */
export function shareBelow(percentiles: readonly number[], score: number): number {
  if (score >= percentiles.at(-1)!) return 1;
  const next = percentiles.findIndex((label) => label > score);
  if (next <= 0) return 0;
  const [low, high] = [percentiles[next - 1]!, percentiles[next]!];
  return (next - 1 + (score - low) / (high - low)) / 100;
}

/** The score at which texts are of a grade; undefined beyond the table. Grades fall as scores rise. */
export function scoreOfGrade(grades: Grades, grade: number): number | undefined {
  const next = grades.findIndex((point) => point.grade <= grade);
  if (next < 0) return undefined;
  if (next === 0) return grades[0]!.grade === grade ? grades[0]!.score : undefined;
  const [before, after] = [grades[next - 1]!, grades[next]!];
  return before.score + ((after.score - before.score) * (before.grade - grade)) / (before.grade - after.grade);
}
