export interface AdamW {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** Parameters and the moments of their gradients: three arrays of one length. */
export interface OptimizerState {
  readonly parameters: Float32Array;
  readonly firstMoments: Float32Array;
  readonly secondMoments: Float32Array;
}

/**
 * One step over elements [begin, end), in place. AdamW: Loshchilov & Hutter 2019, algorithm 2, with decoupled decay.
 * @param gradients of the elements from `begin` on
 * @param scale by which gradients are multiplied first: clipping
 * @param step counted from 1
 */
export function updateAdamW(
  { parameters, firstMoments, secondMoments }: OptimizerState,
  gradients: Float32Array,
  scale: number,
  [begin, end]: readonly [number, number],
  { beta1, beta2, epsilon, weightDecay }: AdamW,
  learningRate: number,
  step: number,
): void {
  const rate = learningRate / (1 - beta1 ** step);
  const correction = Math.sqrt(1 - beta2 ** step);
  const kept = 1 - learningRate * weightDecay;
  for (let i = begin; i < end; i++) {
    const gradient = gradients[i - begin]! * scale;
    const first = beta1 * firstMoments[i]! + (1 - beta1) * gradient;
    const second = beta2 * secondMoments[i]! + (1 - beta2) * gradient * gradient;
    firstMoments[i] = first;
    secondMoments[i] = second;
    parameters[i] = parameters[i]! * kept - (rate * first) / (Math.sqrt(second) / correction + epsilon);
  }
}
