import { intervalsOf } from "../repository/intervals.js";
import { type ScoreTables, scoreOfGrade } from "../repository/score-tables.js";

/** What readers should be able to read: texts of a school grade, or texts with a score. */
export type Target = { readonly grade: number } | { readonly score: number };

/** Whether a text suits a target: whether it is at least as easy. */
export interface Suitability {
  /** The score that the target means; null if the tables do not tell it for a grade. */
  readonly score: number | null;
  /** Unsure if the target lies within the narrowest interval of the score; null without intervals or a target. */
  readonly suits: "yes" | "no" | "unsure" | null;
  /** The text's score minus the target's: positive if the text is easier. */
  readonly difference: number | null;
  /** The probability that yes or no is right; null if unsure. */
  readonly confidence: number | null;
}

const unknown: Suitability = { score: null, suits: null, difference: null, confidence: null };

/**
 * Judges by the intervals of the model's tables. Errors are as often too high as too low, so beyond an interval of coverage c lies
 * (1 - c) / 2 of the labels on either side.
 * @param hasGrade whether a school grade means something for the text
 */
export function judgeTarget(
  target: Target,
  text: { readonly score: number; readonly tokens: number },
  tables: ScoreTables,
  hasGrade: boolean,
): Suitability {
  const wanted = "score" in target ? target.score : hasGrade ? scoreOfGrade(tables.grades ?? [], target.grade) : undefined;
  if (wanted === undefined) return unknown;
  const difference = text.score - wanted;
  const intervals = intervalsOf(tables, text);
  if (intervals.length === 0) return { ...unknown, score: wanted, difference };
  const beyond = intervals.filter(({ reach }) => Math.abs(difference) >= reach).map(({ coverage }) => coverage);
  const confidence = beyond.length === 0 ? null : (1 + Math.max(...beyond)) / 2;
  return { score: wanted, suits: confidence === null ? "unsure" : difference > 0 ? "yes" : "no", difference, confidence };
}
