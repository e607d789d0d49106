import { createRandom } from "./random.js";

export interface Interval {
  readonly low: number;
  readonly high: number;
  /** The share of such intervals that contain the true mean. */
  readonly level: number;
  readonly resamples: number;
}

/**
 * A confidence interval of the mean by the percentile bootstrap (Efron & Tibshirani 1993, chapter 13): its ends are order statistics of
 * the means of resamples, drawn with replacement. (resamples + 1) (1 - level) / 2 should be a whole number.
 */
export function bootstrapMean(values: ArrayLike<number>, seed: number, level = 0.95, resamples = 9999): Interval {
  const random = createRandom(seed);
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[random.int(values.length)]!;
    means[r] = sum / values.length;
  }
  means.sort();
  const tail = Math.max(1, Math.round(((resamples + 1) * (1 - level)) / 2));
  return { low: means[tail - 1]!, high: means[resamples - tail]!, level, resamples };
}
