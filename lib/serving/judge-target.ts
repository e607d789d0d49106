import { intervalsOf } from "../repository/intervals.js";
import { type ScoreTables, scoreOfGrade } from "../repository/score-tables.js";
import type { Suitability, Target } from "./result-types.js";

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
