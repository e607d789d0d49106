import { z } from "zod";
import { boundedArray } from "../errors/bounded.js";
import { fallMonotonely, interpolate } from "../math/curves.js";
import { correlate, cutEvenly, median, rank } from "../math/statistics.js";

/** Items of a table. */
const mostItems = 1000;

const rises = (values: readonly number[]): boolean => values.every((value, i) => value >= (values[i - 1] ?? -Infinity));

const factor = z.number().positive();

/** Points with a factor, in the order of their `key`. */
const factors = <K extends string, P extends z.ZodType<{ readonly [key in K]: number }>>(point: P, key: K) =>
  boundedArray(point, mostItems).refine(
    (points) => points.length > 0 && rises(points.map((item) => item[key])),
    `must have at least 1 item, with ${key} that rise`,
  );

/** Tables that interpret scores. One is missing if there are too few passages for it. */
export const scoreTablesSchema = z.object({
  /** From errors on held-out passages: `coverage` of new ones have a label within `half_width` of their score. See intervals.ts. */
  intervals: boundedArray(z.object({ coverage: z.number(), half_width: z.number() }), mostItems).optional(),
  /** How much wider or narrower intervals are at a score, and at a length: `half_width` is multiplied by both factors, interpolated. */
  spread: z
    .object({
      scores: factors(z.object({ score: z.number(), factor }), "score"),
      tokens: factors(z.object({ tokens: z.number(), factor }), "tokens"),
    })
    .optional(),
  /** Labels below which 0, 1, ... 100 % of the training passages lie. */
  percentiles: boundedArray(z.number(), mostItems)
    .refine((values) => values.length === 101 && rises(values), "must be 101 numbers that rise")
    .optional(),
  /** Typical school grades (Flesch-Kincaid) at a score. They fall as the score rises. */
  grades: boundedArray(z.object({ score: z.number(), grade: z.number() }), mostItems)
    .refine((points) => points.length > 0 && rises(points.map(({ score }) => score)), "must have at least 1 item, with scores that rise")
    .optional(),
});

export type ScoreTables = z.infer<typeof scoreTablesSchema>;
type GradePoint = NonNullable<ScoreTables["grades"]>[number];

/** The tables from training passages. @param passages at least one, each with its label and its school grade */
export function describePassages(passages: readonly { readonly target: number; readonly grade: number }[]): ScoreTables {
  const grades = findGrades(passages.map(({ target, grade }) => ({ score: target, grade })));
  return { percentiles: findPercentiles(passages.map(({ target }) => target)), ...(grades ? { grades } : {}) };
}

/** The values below which 0, 1, ... 100 % of the values lie, interpolated. */
export function findPercentiles(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b);
  return Array.from({ length: 101 }, (_, percent) => {
    const place = (percent / 100) * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
    return low + (high - low) * (place % 1);
  });
}

/** The share of passages with a lower label than a score, from 0 to 100 percent. @param percentiles of `findPercentiles` */
export const percentileOf = (percentiles: readonly number[], score: number): number =>
  interpolate(percentiles, [...percentiles.keys()], score);

/** With a weaker rank correlation, a score would say little about the school grade. */
const weakest = 0.3;
const groupSize = 25;
const mostGroups = 20;

/**
 * Median school grades of passages of similar score, made to fall as the score rises. None if the two hardly correlate or the passages are
 * too few.
 */
export function findGrades(passages: readonly GradePoint[]): GradePoint[] | undefined {
  const [scores, grades] = [passages.map(({ score }) => score), passages.map(({ grade }) => grade)];
  if (passages.length < 4 * groupSize || correlate(rank(scores), rank(grades)) > -weakest) return undefined;
  const groups = cutEvenly(
    passages.toSorted((a, b) => a.score - b.score),
    Math.min(mostGroups, Math.floor(passages.length / groupSize)),
  );
  const falling = fallMonotonely(groups.map((group) => median(group.map(({ grade }) => grade))));
  return groups.map((group, i) => ({ score: median(group.map(({ score }) => score)), grade: falling[i]! }));
}

/** The school grade of texts with this score. @param points of `findGrades` */
export function gradeOf(points: readonly GradePoint[], score: number): number {
  const [scores, grades] = [points.map(({ score }) => score), points.map(({ grade }) => grade)];
  return interpolate(scores, grades, score);
}

/** The lowest score with this school grade or a lower one; undefined if the table has none. @param points of `findGrades` */
export function scoreOfGrade(points: readonly GradePoint[], grade: number): number | undefined {
  const next = points.findIndex((point) => point.grade <= grade);
  if (next <= 0) return points[next]?.score; // none, or the first
  const [harder, easier] = [points[next - 1]!, points[next]!];
  return harder.score + ((easier.score - harder.score) * (harder.grade - grade)) / (harder.grade - easier.grade);
}
