import { z } from "zod";
import { boundedArray } from "../errors/bounded.js";
import { correlate, cutEvenly, median, rank } from "../math/statistics.js";

/** Items of a table. */
const mostItems = 1000;

const rises = (values: readonly number[]): boolean => values.every((value, i) => value >= (values[i - 1] ?? -Infinity));

/** What scores mean. A table is missing if the training passages are too few. */
export const scoreTablesSchema = z.object({
  /** For a share of new passages, the largest distance of the score from the label, by the errors on passages that training held out. */
  intervals: boundedArray(z.object({ coverage: z.number(), half_width: z.number() }), mostItems).optional(),
  /** Labels below which 0, 1, ... 100 % of the training passages lie. */
  percentiles: boundedArray(z.number(), mostItems)
    .refine((values) => values.length === 101 && rises(values), "must be 101 numbers that rise")
    .optional(),
  /** School grades (Flesch-Kincaid) of training passages of about this score. They fall as the score rises. */
  grades: boundedArray(z.object({ score: z.number(), grade: z.number() }), mostItems)
    .refine((points) => points.length > 0 && rises(points.map(({ score }) => score)), "must have at least 1 item, with scores that rise")
    .optional(),
});

export type ScoreTables = z.infer<typeof scoreTablesSchema>;
type Interval = NonNullable<ScoreTables["intervals"]>[number];
type GradePoint = NonNullable<ScoreTables["grades"]>[number];

const coverages = [0.8, 0.95] as const;

/**
 * Split-conformal intervals (Lei et al. 2018): the ceil((n + 1) coverage)-th smallest of n absolute errors, so that the score of a new
 * passage from the same distribution is within it with at least this probability. None if there are too few errors.
 */
export function findIntervals(errors: readonly number[]): Interval[] {
  const sorted = errors.map(Math.abs).sort((a, b) => a - b);
  return coverages.flatMap((coverage) => {
    const size = sorted[Math.ceil((sorted.length + 1) * coverage) - 1];
    return size === undefined ? [] : [{ coverage, half_width: size }];
  });
}

/** The tables from errors on held-out passages; none if they are too few. */
export function describeErrors(errors: readonly number[]): ScoreTables {
  const intervals = findIntervals(errors);
  return intervals.length === 0 ? {} : { intervals };
}

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
export function percentileOf(percentiles: readonly number[], score: number): number {
  const points = percentiles.map((at, percent) => ({ at, value: percent }));
  return interpolate(points, score);
}

/** Below this rank correlation, a school grade would say little about a score. */
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

/** The school grade of texts with this score. @param grades of `findGrades` */
export function gradeOf(grades: readonly GradePoint[], score: number): number {
  return interpolate(
    grades.map(({ score, grade }) => ({ at: score, value: grade })),
    score,
  );
}

/** The nearest values that never rise. Neighbours that do are pooled to their mean (pool adjacent violators, Ayer et al. 1955). */
function fallMonotonely(values: readonly number[]): number[] {
  const pools: { sum: number; count: number }[] = [];
  for (const value of values) {
    let pool = { sum: value, count: 1 };
    for (let last = pools.at(-1); last && last.sum / last.count < pool.sum / pool.count; last = pools.at(-1)) {
      pools.pop();
      pool = { sum: pool.sum + last.sum, count: pool.count + last.count };
    }
    pools.push(pool);
  }
  return pools.flatMap(({ sum, count }) => new Array<number>(count).fill(sum / count));
}

/** Linear interpolation between points with ascending `at`, constant beyond the ends. If points coincide, the last one counts. */
function interpolate(points: readonly { readonly at: number; readonly value: number }[], x: number): number {
  const next = points.findIndex(({ at }) => at > x);
  if (next === -1) return points.at(-1)!.value;
  if (next === 0) return points[0]!.value;
  const [low, high] = [points[next - 1]!, points[next]!];
  return low.value + ((high.value - low.value) * (x - low.at)) / (high.at - low.at);
}
