const step = 64;

/** The lengths that texts are padded to, so that texts of similar length can be scored together: multiples of 64 tokens, and the largest. */
export function listBuckets(maxLength: number): readonly number[] {
  const below = Array.from({ length: Math.ceil(maxLength / step) - 1 }, (_, i) => (i + 1) * step);
  return [...below, maxLength];
}
