import { intervalOf } from "../repository/intervals.js";
import { gradeOf, percentileOf, type ScoreTables } from "../repository/score-tables.js";
import type { TextWarning, WarningCode } from "../text/warnings.js";
import type { ScoreMeaning } from "./result-types.js";

interface ScoredText {
  readonly score: number;
  readonly tokens: number;
}

const basis = "Flesch-Kincaid grades of training passages with scores within the interval";

/** A text with one of these warnings has a score, but no school grade. */
const withoutGrade: readonly WarningCode[] = ["no-words", "not-english", "encoded", "code", "numbers"];

/** Whether a school grade means something for a text with these warnings. */
export const hasGrade = (warnings: readonly TextWarning[]): boolean => !warnings.some(({ code }) => withoutGrade.includes(code));

/** Reads the tables of a model version. @param tokens of the text, without special tokens */
export function describeScore(tables: ScoreTables, { score, tokens }: ScoredText, warnings: readonly TextWarning[]): ScoreMeaning {
  const { percentiles, grades } = tables;
  const interval = intervalOf(tables, { score, tokens });
  const isOutside = percentiles !== undefined && (score < percentiles[0]! || score > percentiles.at(-1)!);
  return {
    interval,
    percentile: percentiles ? percentileOf(percentiles, score) : null,
    grade:
      grades && interval && !isOutside && hasGrade(warnings)
        ? { low: gradeOf(grades, interval.high), high: gradeOf(grades, interval.low), basis }
        : null,
  };
}
