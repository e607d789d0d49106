import { pMapIterable } from "p-map";
import { errors, ReadabilityError, reason } from "../../lib/errors/errors.js";
import { mostInFlight } from "../../lib/serving/create-scorer.js";
import type { Scorer } from "../../lib/serving/load-scorer.js";
import type { Extras, ScoreFailure, ScoreResult } from "../../lib/serving/result-types.js";
import type { InputRecord } from "./records.js";

/** A record's result, or why it has none. */
export interface Outcome {
  readonly record: InputRecord;
  readonly result: ScoreResult | ScoreFailure;
}

/** Scores the records side by side, and gives their outcomes in order. If reading fails, those of what was read come first. */
export function scoreRecords(records: AsyncIterable<InputRecord>, scorer: Pick<Scorer, "score">, extras: Extras): AsyncIterable<Outcome> {
  const score = async (record: InputRecord): Promise<Outcome> => ({ record, result: await scoreRecord(record, scorer, extras) });
  return pMapIterable(records, score, { concurrency: mostInFlight });
}

async function scoreRecord({ text, problem }: InputRecord, scorer: Pick<Scorer, "score">, extras: Extras) {
  if (text === undefined) return toFailure("bad-row", problem!);
  try {
    return await scorer.score(text, extras);
  } catch (error) {
    return toFailure(error instanceof ReadabilityError ? error.code : "run-failed", reason(error));
  }
}

const toFailure = (code: keyof typeof errors, detail: string): ScoreFailure => ({ error: { status: errors[code].status, code, detail } });

/** The outcome as a line of JSON: with all fields, or the score and its warnings alone. */
export function formatLine({ record: { file, id }, result }: Outcome, full: boolean): string {
  const named = { file, id }; // what is undefined is left out
  if (full) return `${JSON.stringify({ ...named, ...result })}\n`;
  if ("error" in result) return `${JSON.stringify({ ...named, error: result.error.detail })}\n`;
  const { score, warnings } = result;
  return `${JSON.stringify({ ...named, score, warnings: warnings.length > 0 ? warnings : undefined })}\n`;
}

export interface Limits {
  readonly minScore?: number | undefined;
  readonly maxGrade?: number | undefined;
}

/** Why a text is too hard; undefined if it is not. */
export function judge({ score, grade }: ScoreResult, { minScore, maxGrade }: Limits): string | undefined {
  if (minScore !== undefined && score < minScore) return `its score ${score} is below ${minScore}`;
  if (maxGrade === undefined) return undefined;
  if (!grade) return "it has no school grade";
  const middle = (grade.low + grade.high) / 2;
  return middle > maxGrade ? `its school grade ${Math.round(10 * middle) / 10} is above ${maxGrade}` : undefined;
}
