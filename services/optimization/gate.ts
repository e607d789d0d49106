import type { Precision } from "../../lib/bert/precisions.js";
import { type Accuracy, boundError, compareScores } from "./accuracy.js";
import type { Candidate } from "./candidates.js";
import type { GateRows } from "./rows.js";

/** A candidate that the accuracy gate has seen. */
export interface Judged extends Candidate {
  readonly accuracy: Accuracy;
  readonly passed: boolean;
}

export interface Gate {
  readonly judged: readonly Judged[];
  /** The largest RMSE that passes. */
  readonly bound: number;
}

/** RMSE that a model is taken to have whose record does not tell. */
const usualError = 0.5;

/**
 * Judges each precision by its scores of the rows, fp32 first. int7 is tried where int8 fails.
 * @param expected the model's RMSE on graded passages, for rows without targets
 */
export async function judgePrecisions(
  { ids, targets }: GateRows,
  {
    quantized,
    margin,
    expected = usualError,
  }: { readonly quantized: boolean; readonly margin: number; readonly expected: number | undefined },
  tryPrecision: (precision: Precision) => Promise<Candidate>,
): Promise<Gate> {
  const fp32 = await tryPrecision("fp32");
  const exact = fp32.scores.slice(0, ids.length);
  const judge = (candidate: Candidate) => compareScores(candidate.scores.slice(0, ids.length), exact, targets);
  const accuracy = judge(fp32);
  const bound = boundError(margin, targets ? accuracy : { rmse: 0, expected });
  const judged: Judged[] = [{ ...fp32, accuracy, passed: true }];
  for (const precision of quantized ? (["int8", "int7"] as const) : []) {
    const candidate = await tryPrecision(precision);
    const accuracy = judge(candidate);
    judged.push({ ...candidate, accuracy, passed: accuracy.rmse <= bound });
    if (accuracy.rmse <= bound) break;
  }
  return { judged, bound };
}
