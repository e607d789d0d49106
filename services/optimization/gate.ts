import type { Precision } from "../../lib/bert/precisions.js";
import { type Accuracy, boundError, compareScores } from "./accuracy.js";

/** The result of a precision at the accuracy gate. */
export interface GateResult {
  readonly precision: Precision;
  /** Scores of the gate's rows. */
  readonly scores: readonly number[];
  readonly accuracy: Accuracy;
  readonly passed: boolean;
}

export interface Gate {
  /** fp32 first. */
  readonly results: readonly GateResult[];
  /** The largest RMSE that passes. */
  readonly bound: number;
}

export interface GateOptions {
  /** Targets of the gate's rows. If absent, scores are compared with fp32's. */
  readonly targets: readonly number[] | undefined;
  /** The amount by which the RMSE may exceed fp32's, for labels with CommonLit's standard deviation. */
  readonly margin: number;
  /** Standard deviation of the labels, if training standardized them: the margin grows with it. Default: 1. */
  readonly deviation?: number | undefined;
  /** The model's RMSE on labelled passages, for rows without targets. */
  readonly expected: number | undefined;
  /** Precisions to try beside fp32, in this order, until one passes. */
  readonly candidates: readonly Precision[];
}

/** The RMSE that is assumed for a model without a training record. */
const defaultError = 0.5;

/** Compares the scores of the candidates with fp32's on the gate's rows, until a candidate passes. */
export async function runGate(
  { targets, margin, deviation = 1, expected = defaultError * deviation, candidates }: GateOptions,
  score: (precision: Precision) => Promise<readonly number[]>,
): Promise<Gate> {
  const exact = await score("fp32");
  const accuracy = compareScores(exact, exact, targets);
  const bound = boundError(margin * deviation, targets ? accuracy : { rmse: 0, expected });
  const results: GateResult[] = [{ precision: "fp32", scores: exact, accuracy, passed: true }];
  for (const precision of candidates) {
    const scores = await score(precision);
    const accuracy = compareScores(scores, exact, targets);
    const passed = accuracy.rmse <= bound; // false if a score is NaN
    results.push({ precision, scores, accuracy, passed });
    if (passed) break;
  }
  return { results, bound };
}
