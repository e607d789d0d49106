import { describeSpread, type ScoredText } from "../../lib/repository/intervals.js";
import type { Tables } from "../../lib/repository/repository.js";
import { describePassages } from "../../lib/repository/score-tables.js";
import type { TrainingRecord } from "../../lib/repository/training-record.js";
import { gradeLevel } from "../../lib/text/formulas.js";
import type { Windows } from "../../lib/text/windows.js";
import type { GateRows } from "./rows.js";

/** By the served graph. */
interface Scores {
  readonly rows: readonly number[];
  /** Group after group. */
  readonly excerpts: readonly number[];
}

/**
 * The tables that interpret scores: from the passages if they are available, else from the training record.
 */
export function makeTables(record: TrainingRecord | undefined, rows: GateRows, scores: Scores): Tables {
  const { targets, unseen, training } = rows;
  return {
    ...(record ? { data: { fingerprint: record.data.fingerprint, rows: record.data.rows }, validation_rmse: record.validation.rmse } : {}),
    ...record?.tables,
    ...(targets && unseen ? describeErrors(rows, targets, scores) : {}),
    ...(training.length > 0 ? describePassages(training.map(({ excerpt, target }) => ({ target, grade: gradeLevel(excerpt) }))) : {}),
  };
}

/** An excerpt's label is its passage's. */
function describeErrors({ windows, excerpts }: GateRows, targets: readonly number[], scores: Scores): Tables {
  const describe = ({ weights }: Windows, score: number, row: number): ScoredText => ({
    score,
    error: score - targets[row]!,
    tokens: weights.reduce((a, b) => a + b, 0),
  });
  let next = 0;
  return describeSpread(
    windows.map((text, row) => describe(text, scores.rows[row]!, row)),
    excerpts.map((group) => group.map(({ windows, row }) => describe(windows, scores.excerpts[next++]!, row))),
  );
}
