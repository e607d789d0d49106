/**
 * Updates the exponential moving average of the parameters after a step: elements [begin, end), in place. Kingma & Ba 2015, section 7.2;
 * the rate includes their bias correction. The average equals the parameters after one step, is close to their plain mean after a few
 * steps, and later spans about the last 1 / (1 - decay) steps.
 * @param step counted from 1
 */
export function updateEma(
  average: Float32Array,
  parameters: Float32Array,
  [begin, end]: readonly [number, number],
  decay: number,
  step: number,
): void {
  const rate = (1 - decay) / (1 - decay ** step);
  for (let i = begin; i < end; i++) average[i]! += rate * (parameters[i]! - average[i]!);
}
