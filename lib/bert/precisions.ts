/** The number formats that a serving graph computes with. */
interface Numbers {
  /** The type of activations and of weights that are not quantized. */
  readonly floats: "float32" | "float16";
  /** The largest integer that a weight becomes, if linear layers are quantized. Their activations have 8 bits. */
  readonly largest?: number;
  /** Layers that are not quantized. */
  readonly exact?: readonly ("first" | "last")[];
}

const eight = { floats: "float32", largest: 127 } as const;
/** On x86 processors without VNNI or AMX, sums of two 8-bit products overflow 16 bits. With 7-bit weights they do not. */
const seven = { floats: "float32", largest: 63 } as const;

/**
 * Every precision that a checkpoint can be served in; within a kind, from the fastest to the most accurate. The last layer computes only
 * one token, so leaving it in floating point costs little.
 */
const precisions = {
  fp32: { floats: "float32" },
  fp16: { floats: "float16" },
  int8: eight,
  "int8-last": { ...eight, exact: ["last"] },
  "int8-first": { ...eight, exact: ["first"] },
  "int8-ends": { ...eight, exact: ["first", "last"] },
  int7: seven,
  "int7-last": { ...seven, exact: ["last"] },
  "int7-first": { ...seven, exact: ["first"] },
  "int7-ends": { ...seven, exact: ["first", "last"] },
} as const satisfies Readonly<Record<string, Numbers>>;

export type Precision = keyof typeof precisions;

export const numbersOf = (precision: Precision): Numbers => precisions[precision];

/** Only encoder layers are quantized: the rest is small, and errors in a head would directly change the score. */
export function isQuantized(linear: string, layers: number, exact: Numbers["exact"] = []): boolean {
  const layer = /\.layer\.(\d+)\./.exec(linear)?.[1];
  if (layer === undefined) return false;
  return !exact.some((end) => Number(layer) === { first: 0, last: layers - 1 }[end]);
}
