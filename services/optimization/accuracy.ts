import { correlate, mean, rank, rootMeanSquare } from "../../lib/math/statistics.js";

/** The scores of a graph compared with those of the float32 graph on the same texts. */
export interface Accuracy {
  /** Root mean squared error against the targets or, without targets, against the float32 scores. */
  readonly rmse: number;
  readonly largestDifference: number;
  readonly meanDifference: number;
  /** Spearman's rank correlation with the float32 scores. */
  readonly rankCorrelation: number;
}

export function compareScores(scores: readonly number[], exact: readonly number[], targets: readonly number[] | undefined): Accuracy {
  const differences = scores.map((score, i) => Math.abs(score - exact[i]!));
  return {
    rmse: rootMeanSquare(scores.map((score, i) => score - (targets ?? exact)[i]!)),
    largestDifference: differences.reduce((a, b) => Math.max(a, b), 0),
    meanDifference: mean(differences),
    rankCorrelation: correlate(rank(scores), rank(exact)),
  };
}

/**
 * The largest RMSE that passes. Without targets: the root mean square of differences that would raise the `expected` RMSE by `gate` if they
 * are independent of the model's errors, as squares then add up.
 */
export function boundError(gate: number, { rmse, expected }: { readonly rmse: number; readonly expected?: number }): number {
  return expected === undefined ? rmse + gate : Math.sqrt((expected + gate) ** 2 - expected ** 2);
}
