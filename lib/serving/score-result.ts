import { basename, resolve } from "node:path";
import type { ReadabilityError } from "../errors/errors.js";
import { formatFloat32 } from "../math/float32.js";
import type { ScoreTables } from "../repository/score-tables.js";
import type { TextScore } from "../text/windows.js";
import { describeScore } from "./describe-score.js";
import { isProse } from "./is-prose.js";
import { judgeTarget } from "./judge-target.js";
import type { Model } from "./model.js";
import type { Reading, ReadWindows } from "./reading.js";
import type { Extras, ScoreFailure, ScoreMeaning, ScoreResult, SentenceEffect, Suitability } from "./result-types.js";

/** A text that was scored, and the model that scored it. */
export interface ScoredText extends TextScore, Pick<Reading, "warnings" | "formulas"> {
  readonly model: Pick<Model, "name" | "version" | "tables">;
  /** None if not wanted. */
  readonly sentences: readonly SentenceEffect[];
}

/** The tables of a model; empty if it has none. */
export const tablesOf = ({ version, tables }: ScoredText["model"]): ScoreTables => version?.metadata ?? tables ?? {};

export function describeResult(result: ScoredText, { formulas, sentences, target }: Extras): ScoreResult {
  const { model, score, tokens, windows, warnings } = result;
  const tables = tablesOf(model);
  const { interval, percentile, grade } = describeScore(tables, { score, tokens }, warnings);
  const suitability = target && judgeTarget(target, { score, tokens }, tables, isProse(warnings));
  return {
    score: shorten(score),
    interval: shortenInterval(interval),
    percentile: percentile && roundToTenth(percentile),
    grade: grade && { ...grade, low: roundToTenth(grade.low), high: roundToTenth(grade.high) },
    tokens,
    windows,
    warnings,
    ...(formulas ? { formulas: mapValues(result.formulas!, (value) => value && shorten(value)) } : {}),
    ...(sentences ? { sentences: result.sentences.map(({ effect, ...place }) => ({ ...place, effect: effect && shorten(effect) })) } : {}),
    ...(suitability
      ? { target: mapValues(suitability, (value) => (typeof value === "number" ? shorten(value) : value)) as Suitability }
      : {}),
    model: model.version?.model ?? basename(resolve(model.name)),
    version: model.version?.version ?? null,
  };
}

export const describeFailure = ({ status, code, message }: ReadabilityError): ScoreFailure => ({
  error: { status, code, detail: message },
});

/** The texts without one sentence each, as far as anything is left of them. */
export const listRests = ({ sentences }: Reading): ReadWindows[] => sentences.map(({ rest }) => rest).filter(({ ids }) => ids.length > 0);

/** The effects of the sentences. @param rests the scores of `listRests` */
export function findEffects({ sentences }: Reading, score: number, rests: readonly TextScore[]): SentenceEffect[] {
  const next = rests.values();
  return sentences.map(({ rest, ...place }) => ({ ...place, effect: rest.ids.length > 0 ? next.next().value!.score - score : null }));
}

/** The float32, with no more digits than it needs. */
export const shorten = (x: number) => Number(formatFloat32(Math.fround(x)));
export const shortenInterval = (interval: ScoreMeaning["interval"]): ScoreMeaning["interval"] =>
  interval && { ...interval, low: shorten(interval.low), high: shorten(interval.high) };
const roundToTenth = (x: number) => Math.round(x * 10) / 10;

const mapValues = <K extends string, V, W>(record: Readonly<Record<K, V>>, change: (value: V) => W) =>
  Object.fromEntries(Object.entries<V>(record).map(([key, value]) => [key, change(value)])) as Record<K, W>;
