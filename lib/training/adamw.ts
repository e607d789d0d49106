import { kernels, pieces } from "./vector.js";

export interface AdamW {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** Parameters and the moments of their gradients: three arrays of the same length. */
export interface OptimizerState {
  readonly parameters: Float32Array;
  readonly firstMoments: Float32Array;
  readonly secondMoments: Float32Array;
}

/**
 * One AdamW step on elements [begin, end), in place. Loshchilov & Hutter 2019, algorithm 2: weight decay is decoupled.
 * @param gradients starts at element `begin`
 * @param scale factor of the gradients, for clipping
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
  // Bias corrections with one division per element: m / c1 / (sqrt(v) / c2 + epsilon) = (c2 / c1) m / (sqrt(v) + c2 epsilon)
  const correction = Math.sqrt(1 - beta2 ** step);
  const rate = (learningRate * correction) / (1 - beta1 ** step);
  const kept = 1 - learningRate * weightDecay;
  const tensors = [parameters, firstMoments, secondMoments];
  const [gradient, ...staged] = kernels.arrays;
  for (const [from, to] of pieces(begin, end)) {
    gradient.set(gradients.subarray(from - begin, to - begin));
    tensors.forEach((tensor, i) => { staged[i]!.set(tensor.subarray(from, to)); }); // biome-ignore format: one line
    kernels.adamw(to - from, scale, beta1, 1 - beta1, beta2, 1 - beta2, kept, rate, epsilon * correction);
    tensors.forEach((tensor, i) => { tensor.set(staged[i]!.subarray(0, to - from), from); }); // biome-ignore format: one line
  }
}
