/**
 * Learning rate of a step: linear warm-up over the first `warmup` share of the steps, then linear decay to 0.
 * @param step counted from 1 to `total`
 */
export function learningRateAt(step: number, total: number, peak: number, warmup: number): number {
  const warmupSteps = warmup * total;
  return peak * Math.min(1, warmupSteps > 0 ? step / warmupSteps : 1, (total - step + 1) / Math.max(1, total - warmupSteps));
}
