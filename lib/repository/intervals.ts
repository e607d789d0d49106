import { fallMonotonely, interpolate } from "../math/curves.js";
import { cutEvenly, median, rootMeanSquare } from "../math/statistics.js";
import type { ScoreTables } from "./score-tables.js";

/** A text that was not in training, with its score's error: score minus label. */
export interface ScoredText {
  readonly score: number;
  readonly error: number;
  /** The number of its tokens, without special tokens. */
  readonly tokens: number;
}

/** Neither is there if there are too few errors; `spread` is not if they are too few to tell scores or lengths apart. */
export type Intervals = Pick<ScoreTables, "intervals" | "spread">;
type Interval = NonNullable<Intervals["intervals"]>[number];
type Spread = NonNullable<Intervals["spread"]>;

const coverages = [0.8, 0.9, 0.95] as const;
/** The coverage at which factors for lengths are right. */
const usual = 0.9;

/**
 * Split-conformal intervals (Lei et al. 2018): the ceil((n + 1) coverage)-th smallest of n absolute errors. The error on a new passage
 * from the same distribution is at most that with at least this probability. Empty if there are too few errors.
 */
export function findIntervals(errors: readonly number[]): Interval[] {
  const sorted = errors.map(Math.abs).sort((a, b) => a - b);
  return coverages.flatMap((coverage) => {
    const size = sorted[Math.ceil((sorted.length + 1) * coverage) - 1];
    return size === undefined ? [] : [{ coverage, half_width: size }];
  });
}

/** Errors in a group. With fewer, their root mean square says too little. */
const groupSize = 50;
const mostGroups = 8;
const fewestPassages = 100;

/**
 * Intervals whose width depends on score and length: errors are divided by what is typical at their score before the quantile is taken
 * (locally weighted conformal inference, Lei et al. 2018, section 5.2). Lengths then get the factor that makes `usual` right for them.
 * @param passages whole ones
 * @param excerpts of the passages, a group for each length, in the order of their lengths
 */
export function describeSpread(passages: readonly ScoredText[], excerpts: readonly (readonly ScoredText[])[] = []): Intervals {
  if (passages.length < fewestPassages) {
    const intervals = findIntervals(passages.map(({ error }) => error));
    return intervals.length > 0 ? { intervals } : {};
  }
  const scores = spreadByScore(passages);
  const scale = ({ score, error }: ScoredText) => error / factorAt(scores, "score", score);
  const intervals = findIntervals(passages.map(scale));
  const width = widthOf(intervals);
  const lengths = [
    ...excerpts
      .filter((texts) => texts.length >= groupSize)
      .map((texts) => ({ tokens: findTokens(texts), factor: widthOf(findIntervals(texts.map(scale))) / width || 1 })),
    { tokens: findTokens(passages), factor: 1 },
  ];
  const falling = fallMonotonely(lengths.map(({ factor }) => factor));
  return { intervals, spread: { scores, tokens: lengths.map(({ tokens }, i) => ({ tokens, factor: Math.max(1, falling[i]!) })) } };
}

const widthOf = (intervals: readonly Interval[]) => intervals[coverages.indexOf(usual)]!.half_width;
const findTokens = (texts: readonly ScoredText[]) => median(texts.map(({ tokens }) => tokens));

/** The root mean square error near a score, relative to that of all. */
function spreadByScore(passages: readonly ScoredText[]): Spread["scores"] {
  const size = (group: readonly ScoredText[]) => rootMeanSquare(group.map(({ error }) => error));
  const all = size(passages) || 1;
  const groups = cutEvenly(
    passages.toSorted((a, b) => a.score - b.score),
    Math.min(mostGroups, Math.floor(passages.length / groupSize)),
  );
  return groups.map((group) => ({ score: median(group.map(({ score }) => score)), factor: size(group) / all || 1 }));
}

function factorAt<K extends string>(
  points: readonly ({ readonly [key in K]: number } & { readonly factor: number })[],
  key: K,
  x: number,
): number {
  return interpolate(
    points.map((point) => point[key]),
    points.map(({ factor }) => factor),
    x,
  );
}

/** The intervals of a text's score, of each coverage: how far they reach to either side. Empty without intervals. */
export function intervalsOf({ intervals = [], spread }: Intervals, { score, tokens }: Pick<ScoredText, "score" | "tokens">) {
  const factor = spread ? factorAt(spread.scores, "score", score) * factorAt(spread.tokens, "tokens", tokens) : 1;
  return intervals.map(({ coverage, half_width }) => ({ coverage, reach: half_width * factor }));
}

/** The interval of a text's score, of the coverage nearest to 90 %; null without intervals. */
export function intervalOf(tables: Intervals, text: Pick<ScoredText, "score" | "tokens">) {
  const distance = ({ coverage }: { readonly coverage: number }) => Math.abs(coverage - usual);
  const [interval] = intervalsOf(tables, text).toSorted((a, b) => distance(a) - distance(b));
  if (interval === undefined) return null;
  const { coverage, reach } = interval;
  return { low: text.score - reach, high: text.score + reach, coverage };
}
