/** How the scores of a graph compare with those of the float32 graph, on the same texts. */
export interface Accuracy {
  /** Root mean squared error, against the targets or, without any, against the float32 scores. */
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
 * The largest error that passes. Without targets: the root mean square of differences that, unrelated to the errors of a model with
 * this `expected` RMSE, would make it larger by `gate`, as squares then add up.
 */
export function boundError(gate: number, { rmse, expected }: { readonly rmse: number; readonly expected?: number }): number {
  return expected === undefined ? rmse + gate : Math.sqrt((expected + gate) ** 2 - expected ** 2);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const rootMeanSquare = (values: readonly number[]) => Math.sqrt(mean(values.map((value) => value * value)));

/** Pearson's correlation; 0 where one of them never changes. */
function correlate(a: readonly number[], b: readonly number[]): number {
  const centre = (values: readonly number[]) => {
    const middle = mean(values);
    return values.map((value) => value - middle);
  };
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  const [x, y] = [centre(a), centre(b)];
  return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y)) || 0;
}

/** Ranks from 0; equal values share the mean of theirs. */
function rank(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b);
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  sorted.forEach((value, i) => {
    if (!first.has(value)) first.set(value, i);
    last.set(value, i);
  });
  return values.map((value) => (first.get(value)! + last.get(value)!) / 2);
}
