/** Linear interpolation between points with ascending xs, constant beyond the ends. If points coincide, the last one counts. */
export function interpolate(xs: readonly number[], ys: readonly number[], x: number): number {
  const next = xs.findIndex((at) => at > x);
  if (next <= 0) return ys.at(next)!; // the last, -1, or the first
  const [low, high] = [ys[next - 1]!, ys[next]!];
  return low + ((high - low) * (x - xs[next - 1]!)) / (xs[next]! - xs[next - 1]!);
}

/** The nearest non-increasing values. Neighbours that increase are replaced by their mean (pool adjacent violators, Ayer et al. 1955). */
export function fallMonotonely(values: readonly number[]): number[] {
  const pools: { sum: number; count: number }[] = [];
  for (const value of values) {
    let pool = { sum: value, count: 1 };
    for (let last = pools.at(-1); last && last.sum / last.count < pool.sum / pool.count; last = pools.at(-1)) {
      pools.pop();
      pool = { sum: pool.sum + last.sum, count: pool.count + last.count };
    }
    pools.push(pool);
  }
  return pools.flatMap(({ sum, count }) => new Array<number>(count).fill(sum / count));
}
