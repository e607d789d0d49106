import type { Tables } from "../../lib/repository.js";
import { findGrades, findIntervals, findPercentiles } from "../../lib/score-tables.js";
import { gradeLevel } from "../../lib/text/flesch.js";
import type { TrainingRecord } from "../../lib/training-record.js";
import type { GateRows } from "./rows.js";

/**
 * What gives a score meaning, as far as the record and the passages tell.
 * @param scores of the gate's rows by the graph that is served
 */
export function makeTables(record: TrainingRecord | undefined, rows: GateRows, scores: readonly number[]): Tables {
  return { ...describeTraining(record), ...describeErrors(rows, scores), ...describePassages(rows) };
}

function describeTraining(record: TrainingRecord | undefined): Tables {
  if (record === undefined) return {};
  const { data, validation } = record;
  return { data: { fingerprint: data.fingerprint, rows: data.rows }, validation_rmse: validation.rmse };
}

function describeErrors({ targets, unseen }: GateRows, scores: readonly number[]): Tables {
  if (targets === undefined || !unseen) return {};
  const intervals = findIntervals(scores.map((score, i) => score - targets[i]!));
  return intervals.length === 0 ? {} : { intervals };
}

function describePassages({ training }: GateRows): Tables {
  if (training.length === 0) return {};
  const grades = findGrades(training.map(({ excerpt, target }) => ({ score: target, grade: gradeLevel(excerpt) })));
  return { percentiles: findPercentiles(training.map(({ target }) => target)), ...(grades ? { grades } : {}) };
}
