/** A dimension: a number, or a product of named dimensions in canonical order, such as "batch*sequence" or "2*batch". */
export type Dim = number | string;
export type Shape = readonly Dim[];

/** The product of dimensions, canonical: numbers folded and in front, names sorted. */
export function times(...dims: readonly Dim[]): Dim {
  let number = 1;
  const names: string[] = [];
  for (const factor of dims.flatMap((dim) => String(dim).split("*"))) {
    if (Number.isInteger(Number(factor))) number *= Number(factor);
    else names.push(factor);
  }
  if (names.length === 0 || number === 0) return number;
  return [...(number === 1 ? [] : [number]), ...names.sort()].join("*");
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** The shape of an elementwise result (NumPy's broadcasting), or undefined where the shapes do not fit. */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const out: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    out.push(x === 1 ? y : x);
  }
  return out;
}

/** What is left of a dimension after its first `count`: 2, 5 -> 3; 1, "sequence" -> "sequence-1" (known to Pad alone). */
export function rest(dim: Dim, count: number): Dim {
  return typeof dim === "number" ? dim - count : `${dim}-${count}`;
}

/** -1 -> rank - 1 */
export function normalizeAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** [2, batch, 3] as people read it */
export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}
