export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** NaN without values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle) - 1]!) / 2;
}

export const rootMeanSquare = (values: readonly number[]): number => Math.sqrt(mean(values.map((value) => value * value)));

/** Pearson's correlation; 0 if one of the two is constant. */
export function correlate(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [centre(a), centre(b)];
  return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y)) || 0;
}

/** The least squares line that predicts y from x; a flat one if x is constant. */
export function fitLine(xs: readonly number[], ys: readonly number[]): (x: number) => number {
  const x = centre(xs);
  const slope = dot(x, centre(ys)) / dot(x, x) || 0;
  const [middle, level] = [mean(xs), mean(ys)];
  return (value) => level + slope * (value - middle);
}

function centre(values: readonly number[]): number[] {
  const middle = mean(values);
  return values.map((value) => value - middle);
}

const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);

/** Ranks from 0. Equal values share the mean of their ranks. The correlation of ranks is Spearman's. */
export function rank(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b);
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  sorted.forEach((value, i) => {
    if (!first.has(value)) first.set(value, i);
    last.set(value, i);
  });
  return values.map((value) => (first.get(value)! + last.get(value)!) / 2);
}

/** Cuts values, in their order, into at most `count` groups of about the same size. */
export function cutEvenly<T>(values: readonly T[], count: number): T[][] {
  const groups = Math.min(count, values.length);
  const edge = (group: number) => Math.floor((group * values.length) / groups);
  return Array.from({ length: groups }, (_, group) => values.slice(edge(group), edge(group + 1)));
}
