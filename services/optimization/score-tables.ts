import type { Tables } from "../../lib/repository/repository.js";
import { describeErrors, describePassages } from "../../lib/repository/score-tables.js";
import type { TrainingRecord } from "../../lib/repository/training-record.js";
import { gradeLevel } from "../../lib/text/formulas.js";
import type { GateRows } from "./rows.js";

/**
 * The tables that interpret scores: from the passages if they are available, else from the training record.
 * @param scores of the gate's rows, by the served graph
 */
export function makeTables(record: TrainingRecord | undefined, { targets, unseen, training }: GateRows, scores: readonly number[]): Tables {
  return {
    ...(record ? { data: { fingerprint: record.data.fingerprint, rows: record.data.rows }, validation_rmse: record.validation.rmse } : {}),
    ...record?.tables,
    ...(targets && unseen ? describeErrors(scores.map((score, i) => score - targets[i]!)) : {}),
    ...(training.length > 0 ? describePassages(training.map(({ excerpt, target }) => ({ target, grade: gradeLevel(excerpt) }))) : {}),
  };
}
