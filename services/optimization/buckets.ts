const step = 64;

/** Lengths to which texts are padded so that those of like length can be scored together: multiples of 64 tokens, and the most there are. */
export function listBuckets(maxLength: number): readonly number[] {
  const below = Array.from({ length: Math.ceil(maxLength / step) - 1 }, (_, i) => (i + 1) * step);
  return [...below, maxLength];
}
