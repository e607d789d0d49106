import { broadcastShapes, normalizeAxis, type Shape, sameShape, times } from "./dims.js";
import type { Attributes, Branch, DType, Value } from "./graph.js";

/** The operators that graphs may use, by their ONNX names; those of com.microsoft are ONNX Runtime's own. */
export const standardOps = [
  "Add", "BitShift", "Cast", "Concat", "CumSum", "Div", "Equal", "Erf", "Exp", "Expand", "Gather", "Gemm", "If", "LayerNormalization", "Less",
  "MatMul", "Mul", "Neg", "Pad", "ReduceMean", "ReduceMin", "ReduceSum", "Relu", "Reshape", "Shape", "Slice", "Softmax",
  "Sqrt", "Sub", "Tanh", "Transpose",
] as const; // biome-ignore format: a list reads better in lines
export const microsoftOps = ["DynamicQuantizeMatMul", "Gelu", "MultiHeadAttention"] as const;

export type Op = (typeof standardOps)[number] | (typeof microsoftOps)[number];

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** Types of a node's outputs from its inputs; `refuse` throws bad-shape with what was expected. */
type Rule = (inputs: readonly Value[], attributes: Attributes, refuse: (expected: string) => never) => readonly TensorType[];

const same: Rule = ([x]) => [{ dtype: x!.dtype, shape: x!.shape }];

const elementwise =
  (result?: DType): Rule =>
  (inputs, _, refuse) => {
    const [a, b] = inputs as [Value, Value];
    if (a.dtype !== b.dtype) refuse("two inputs of one type");
    return [{ dtype: result ?? a.dtype, shape: broadcastShapes(a.shape, b.shape) ?? refuse("shapes that broadcast") }];
  };

const reduce: Rule = (inputs, attributes, refuse) => {
  const [x, axesInput] = inputs as [Value, Value | undefined];
  const given = axesInput?.holds ?? (attributes.axes as readonly number[] | undefined) ?? refuse("axes that are constants");
  const axes = new Set(given.map((axis) => normalizeAxis(Number(axis), x.shape.length)));
  const kept = x.shape.map((dim, i) => (axes.has(i) ? 1 : dim));
  return [{ dtype: x.dtype, shape: attributes.keepdims === 0 ? kept.filter((_, i) => !axes.has(i)) : kept }];
};

/** The shape of a product of matrices, leading dimensions broadcast. */
function productShape(a: Shape, b: Shape, refuse: (expected: string) => never): Shape {
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2)) return refuse("[..., rows, inner] and [..., inner, columns]");
  const batch = broadcastShapes(a.slice(0, -2), b.slice(0, -2)) ?? refuse("leading dimensions that broadcast");
  return [...batch, a.at(-2)!, b.at(-1)!];
}

const swapLast = (shape: Shape, swap: unknown): Shape => (swap ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape);

/** For each operator, the types of its outputs. Semantics: the ONNX operator reference and ONNX Runtime's ContribOperators. */
export const shapeRules: { readonly [op in Op]: Rule } = {
  Add: elementwise(),
  Sub: elementwise(),
  Mul: elementwise(),
  Div: elementwise(),
  BitShift: elementwise(),
  Equal: elementwise("bool"),
  Less: elementwise("bool"),
  CumSum: same,
  Erf: same,
  Exp: same,
  Gelu: same,
  Neg: same,
  Relu: same,
  Softmax: same,
  Sqrt: same,
  Tanh: same,
  Cast: ([x], attributes) => [{ dtype: castTypes[attributes.to as number]!, shape: x!.shape }],
  Concat: (inputs, attributes, refuse) => {
    const [first] = inputs as [Value];
    const axis = normalizeAxis(attributes.axis as number, first.shape.length);
    const rest = (shape: Shape) => shape.filter((_, i) => i !== axis);
    if (!inputs.every((x) => x.dtype === first.dtype && sameShape(rest(x.shape), rest(first.shape))))
      refuse("inputs alike but for the axis");
    const dims = inputs.map((x) => x.shape[axis]!);
    if (!dims.every((dim) => typeof dim === "number")) refuse("numbers along the axis");
    return [
      {
        dtype: first.dtype,
        shape: first.shape.with(
          axis,
          dims.reduce((sum: number, dim) => sum + Number(dim), 0),
        ),
      },
    ];
  },
  Expand: ([x, shape], _, refuse) => [
    { dtype: x!.dtype, shape: broadcastShapes(x!.shape, shape!.holds ?? refuse("a known shape")) ?? refuse("a shape that broadcasts") },
  ],
  Gather: ([x, indices], attributes, refuse) => {
    if (indices!.dtype !== "int64") refuse("int64 indices");
    const axis = normalizeAxis((attributes.axis as number | undefined) ?? 0, x!.shape.length);
    return [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)] }];
  },
  Gemm: ([a, b, bias], attributes, refuse) => {
    if (a!.shape.length !== 2 || b!.shape.length !== 2) refuse("matrices");
    const shape = productShape(swapLast(a!.shape, attributes.transA), swapLast(b!.shape, attributes.transB), refuse);
    if (bias && !sameShape(broadcastShapes(bias.shape, shape) ?? [], shape)) refuse("a bias that broadcasts to the product");
    return [{ dtype: a!.dtype, shape }];
  },
  If: (_, attributes, refuse) => {
    const [yes, no] = [attributes.then_branch as Branch, attributes.else_branch as Branch];
    if (yes.output.dtype !== no.output.dtype || !sameShape(yes.output.shape, no.output.shape)) refuse("branches of one type and shape");
    return [{ dtype: yes.output.dtype, shape: yes.output.shape }];
  },
  /** Outputs: the normalized tensor, the means and the inverse standard deviations, the last two [..., 1]. */
  LayerNormalization: ([x, scale, bias], _, refuse) => {
    const width = x!.shape.slice(-1);
    if (!sameShape(scale!.shape, width) || (bias && !sameShape(bias.shape, width))) refuse("scale and bias as wide as the last dimension");
    const narrow = { dtype: x!.dtype, shape: [...x!.shape.slice(0, -1), 1] };
    return [{ dtype: x!.dtype, shape: x!.shape }, narrow, narrow];
  },
  MatMul: ([a, b], _, refuse) => [{ dtype: a!.dtype, shape: productShape(a!.shape, b!.shape, refuse) }],
  Pad: ([x, pads], _, refuse) => {
    const rank = x!.shape.length;
    const known = pads!.holds ?? refuse("pads that are known");
    const shape = x!.shape.map((dim, i) => {
      const [before, after] = [known[i]!, known[i + rank]!];
      if (before === 0 && after === 0) return dim;
      if (typeof dim === "number" && typeof before === "number" && typeof after === "number") return dim + before + after;
      // What `rest` answers: padding by what was cut off a named dimension restores it.
      const restored = typeof after === "string" ? /^(\w+)-(\d+)$/.exec(after) : undefined;
      if (restored && typeof dim === "number" && typeof before === "number" && Number(restored[2]) === dim + before) return restored[1]!;
      return refuse("pads that are numbers, or that restore a named dimension");
    });
    return [{ dtype: x!.dtype, shape }];
  },
  ReduceMean: reduce,
  ReduceMin: reduce,
  ReduceSum: reduce,
  Reshape: ([x, shape], _, refuse) => {
    const target = shape!.holds ?? refuse("a known shape");
    if (times(...x!.shape) !== times(...target)) refuse(`a shape of as many elements, not [${target.join(", ")}]`);
    return [{ dtype: x!.dtype, shape: target }];
  },
  Shape: ([x], attributes) => {
    const end = (attributes.end as number | undefined) ?? x!.shape.length;
    return [{ dtype: "int64", shape: [end - ((attributes.start as number | undefined) ?? 0)] }];
  },
  Slice: ([x, starts, ends, axes], _, refuse) => {
    const shape = [...x!.shape];
    axes!.holds!.forEach((axis, i) => {
      const [start, end] = [starts!.holds?.[i] ?? refuse("known starts"), ends!.holds?.[i] ?? refuse("known ends")];
      if (start === 0) shape[Number(axis)] = end;
      else if (typeof start === "number" && typeof end === "number") shape[Number(axis)] = end - start;
      else refuse("a slice from 0, or of known size");
    });
    return [{ dtype: x!.dtype, shape }];
  },
  Transpose: ([x], attributes, refuse) => {
    const order = attributes.perm as readonly number[];
    if (order.length !== x!.shape.length || new Set(order).size !== order.length) refuse(`a permutation of ${x!.shape.length} axes`);
    return [{ dtype: x!.dtype, shape: order.map((axis) => x!.shape[axis]!) }];
  },
  DynamicQuantizeMatMul: ([x, weight], _, refuse) => [{ dtype: "float32", shape: projectedShape(x!, weight!, refuse) }],
  /** query [batch, queries, hidden], key and value [batch, keys, hidden], a bias [batch, heads, queries, keys] -> [batch, queries, hidden] */
  MultiHeadAttention: ([query, key, value, , , bias], attributes, refuse) => {
    if (!sameShape(key!.shape, value!.shape) || query!.shape[0] !== key!.shape[0]) refuse("query, key and value of one batch");
    if (bias && !sameShape(bias.shape, [query!.shape[0]!, attributes.num_heads as number, query!.shape[1]!, key!.shape[1]!]))
      refuse("a bias [batch, heads, queries, keys]");
    return [{ dtype: query!.dtype, shape: query!.shape }];
  },
};

/** x [..., inner] by weight [inner, columns] */
function projectedShape(x: Value, weight: Value, refuse: (expected: string) => never): Shape {
  if (weight.shape.length !== 2 || x.shape.at(-1) !== weight.shape[0]) refuse("[..., inner] and [inner, columns]");
  return [...x.shape.slice(0, -1), weight.shape[1]!];
}

/** ONNX's TensorProto.DataType numbers. */
export const dtypeNumbers: { readonly [dtype in DType]: number } = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
};
const castTypes: Readonly<Record<number, DType>> = Object.fromEntries(
  Object.entries(dtypeNumbers).map(([dtype, number]) => [number, dtype as DType]),
);
