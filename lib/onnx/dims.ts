/** A dimension: a number, or a product of named dimensions in canonical order, such as "2*batch*sequence". */
export type Dim = number | string;
export type Shape = readonly Dim[];

/** The product of dimensions in canonical order: the product of the numbers, then the names, sorted. */
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

/** The shape of an elementwise result by NumPy's broadcasting, or undefined if the shapes do not broadcast. */
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

/** A dimension less `count`: 5, 2 -> 3; "sequence", 1 -> "sequence-1", which only Pad understands. */
export function rest(dim: Dim, count: number): Dim {
  return typeof dim === "number" ? dim - count : `${dim}-${count}`;
}

/** -1 -> rank - 1 */
export function normalizeAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** A shape for messages: [2, batch, 3]. */
export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}
