import type { Precision } from "../../lib/bert/precisions.js";
import { type Accuracy, boundError, compareScores } from "./accuracy.js";

/** A precision that the accuracy gate has seen. */
export interface Judged {
  readonly precision: Precision;
  /** Of the gate's rows. */
  readonly scores: readonly number[];
  readonly accuracy: Accuracy;
  readonly passed: boolean;
}

export interface Gate {
  /** fp32 first. */
  readonly judged: readonly Judged[];
  /** The largest RMSE that passes. */
  readonly bound: number;
}

export interface GateOptions {
  /** None where the scores are compared with fp32's. */
  readonly targets: readonly number[] | undefined;
  /** How much larger than fp32's the RMSE may be. */
  readonly margin: number;
  /** The model's RMSE on graded passages, for rows without targets. */
  readonly expected: number | undefined;
  /** What is tried beside fp32, in this order, until one passes. */
  readonly precisions: readonly Precision[];
}

/** RMSE that a model is taken to have whose record does not tell. */
const usualError = 0.5;

/** Judges precisions by their scores of the gate's rows, fp32 first, and ends with the first other one that passes. */
export async function judgePrecisions(
  { targets, margin, expected = usualError, precisions }: GateOptions,
  score: (precision: Precision) => Promise<readonly number[]>,
): Promise<Gate> {
  const exact = await score("fp32");
  const accuracy = compareScores(exact, exact, targets);
  const bound = boundError(margin, targets ? accuracy : { rmse: 0, expected });
  const judged: Judged[] = [{ precision: "fp32", scores: exact, accuracy, passed: true }];
  for (const precision of precisions) {
    const scores = await score(precision);
    const accuracy = compareScores(scores, exact, targets);
    const passed = accuracy.rmse <= bound; // not where a score is no number
    judged.push({ precision, scores, accuracy, passed });
    if (passed) break;
  }
  return { judged, bound };
}
