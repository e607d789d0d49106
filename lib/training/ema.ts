/**
 * Takes the parameters after a step into their exponential moving average, over elements [begin, end), in place. Kingma & Ba 2015,
 * section 7.2, whose correction of the bias towards 0 is part of the rate here: the average after one step is the parameters, after
 * few steps about their plain mean, and later that of the last 1 / (1 - decay) steps.
 * @param step counted from 1
 */
export function updateAverage(
  average: Float32Array,
  parameters: Float32Array,
  [begin, end]: readonly [number, number],
  decay: number,
  step: number,
): void {
  const rate = (1 - decay) / (1 - decay ** step);
  for (let i = begin; i < end; i++) average[i]! += rate * (parameters[i]! - average[i]!);
}
