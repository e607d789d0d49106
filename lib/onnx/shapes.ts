import { broadcastShapes, normalizeAxis, type Shape, sameShape, times } from "./dims.js";
import { type DType, dtypeOf } from "./dtypes.js";
import type { Attributes, Branch, Value } from "./graph.js";
import type { Operands } from "./operands.js";
import type { Op } from "./operators.js";
import { listSpans } from "./slices.js";

interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** Throws bad-shape with what the operator expects. */
type Refuse = (expected: string) => never;

/** The types of a node's outputs. */
type Rule<O extends Op> = (operands: Operands<O>, attributes: Attributes, refuse: Refuse) => readonly TensorType[];

const same = ({ x }: { readonly x: Value }): readonly TensorType[] => [{ dtype: x.dtype, shape: x.shape }];

const elementwise =
  (result?: DType) =>
  ({ a, b }: { readonly a: Value; readonly b: Value }, _: Attributes, refuse: Refuse): readonly TensorType[] => {
    if (a.dtype !== b.dtype) refuse("two inputs of one type");
    return [{ dtype: result ?? a.dtype, shape: broadcastShapes(a.shape, b.shape) ?? refuse("shapes that broadcast") }];
  };

/** A reduction. Its axes are an attribute, or an operand that is a constant. */
function reduce(
  { x, axes: operand }: { readonly x: Value; readonly axes?: Value },
  attributes: Attributes,
  refuse: Refuse,
): readonly TensorType[] {
  const given = operand?.holds ?? (attributes.axes as readonly number[] | undefined) ?? refuse("axes that are constants");
  const rank = x.shape.length;
  const axes = new Set(given.map((axis) => normalizeAxis(Number(axis), rank)));
  if (axes.size === 0 || axes.size < given.length || [...axes].some((axis) => !(axis in x.shape))) refuse(`distinct axes below ${rank}`);
  const kept = x.shape.map((dim, i) => (axes.has(i) ? 1 : dim));
  return [{ dtype: x.dtype, shape: attributes.keepdims === 0 ? kept.filter((_, i) => !axes.has(i)) : kept }];
}

/** The shape of a product of matrices. Leading dimensions are broadcast. */
function productShape(a: Shape, b: Shape, refuse: Refuse): Shape {
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2)) return refuse("[..., rows, inner] and [..., inner, columns]");
  const batch = broadcastShapes(a.slice(0, -2), b.slice(0, -2)) ?? refuse("leading dimensions that broadcast");
  return [...batch, a.at(-2)!, b.at(-1)!];
}

const swapLast = (shape: Shape, swap: unknown): Shape => (swap ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape);

/** For each operator, the types of its outputs. Semantics: the ONNX operator reference and ONNX Runtime's ContribOperators. */
export const shapeRules: { readonly [O in Op]: Rule<O> } = {
  Add: elementwise(),
  Sub: elementwise(),
  Mul: elementwise(),
  Div: elementwise(),
  BitShift: elementwise(),
  Equal: elementwise("bool"),
  Less: elementwise("bool"),
  Abs: same,
  CumSum: same,
  Erf: same,
  Exp: same,
  Gelu: same,
  Neg: same,
  Relu: same,
  Softmax: same,
  Tanh: same,
  ReduceMax: reduce,
  ReduceMean: reduce,
  ReduceMin: reduce,
  ReduceSum: reduce,
  Cast: ({ x }, { to }) => [{ dtype: dtypeOf(to as number), shape: x.shape }],
  Concat: ({ inputs }, attributes, refuse) => {
    const first = inputs[0] ?? refuse("at least one input");
    const axis = normalizeAxis(attributes.axis as number, first.shape.length);
    const rest = (shape: Shape) => shape.filter((_, i) => i !== axis);
    if (!inputs.every((x) => x.dtype === first.dtype && sameShape(rest(x.shape), rest(first.shape))))
      refuse("inputs alike but for the axis");
    const dims = inputs.map((x) => x.shape[axis]!);
    if (!dims.every((dim) => typeof dim === "number")) refuse("numbers along the axis");
    const sum = dims.reduce((sum: number, dim) => sum + Number(dim), 0);
    return [{ dtype: first.dtype, shape: first.shape.with(axis, sum) }];
  },
  Expand: ({ x, shape }, _, refuse) => [
    { dtype: x.dtype, shape: broadcastShapes(x.shape, shape.holds ?? refuse("a known shape")) ?? refuse("a shape that broadcasts") },
  ],
  Gather: ({ x, indices }, attributes, refuse) => {
    if (indices.dtype !== "int64") refuse("int64 indices");
    const axis = normalizeAxis((attributes.axis as number | undefined) ?? 0, x.shape.length);
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] }];
  },
  Gemm: ({ a, b, bias }, attributes, refuse) => {
    if (a.shape.length !== 2 || b.shape.length !== 2) refuse("matrices");
    const shape = productShape(swapLast(a.shape, attributes.transA), swapLast(b.shape, attributes.transB), refuse);
    if (bias && !sameShape(broadcastShapes(bias.shape, shape) ?? [], shape)) refuse("a bias that broadcasts to the product");
    return [{ dtype: a.dtype, shape }];
  },
  If: (_, attributes, refuse) => {
    const [yes, no] = [attributes.then_branch as Branch, attributes.else_branch as Branch];
    if (yes.output.dtype !== no.output.dtype || !sameShape(yes.output.shape, no.output.shape)) refuse("branches of one type and shape");
    return [{ dtype: yes.output.dtype, shape: yes.output.shape }];
  },
  /** Outputs: the normalized tensor, the means and the inverse standard deviations, the last two [..., 1]. */
  LayerNormalization: ({ x, scale, bias }, attributes, refuse) => {
    const width = x.shape.slice(-1);
    if (attributes.axis !== -1) refuse("the axis -1");
    if (!sameShape(scale.shape, width) || (bias && !sameShape(bias.shape, width))) refuse("scale and bias as wide as the last dimension");
    const statistic = { dtype: x.dtype, shape: [...x.shape.slice(0, -1), 1] };
    return [{ dtype: x.dtype, shape: x.shape }, statistic, statistic];
  },
  MatMul: ({ a, b }, _, refuse) => [{ dtype: a.dtype, shape: productShape(a.shape, b.shape, refuse) }],
  Pad: ({ x, pads }, _, refuse) => {
    const rank = x.shape.length;
    const known = pads.holds ?? refuse("known pads");
    const shape = x.shape.map((dim, i) => {
      const [before, after] = [known[i]!, known[i + rank]!];
      if (before === 0 && after === 0) return dim;
      if (typeof dim === "number" && typeof before === "number" && typeof after === "number") return dim + before + after;
      // A pad of `rest` ("sequence-1") restores the named dimension ("sequence").
      const restored = typeof after === "string" ? /^(\w+)-(\d+)$/.exec(after) : undefined;
      if (restored && typeof dim === "number" && typeof before === "number" && Number(restored[2]) === dim + before) return restored[1]!;
      return refuse("pads that are numbers, or that restore a named dimension");
    });
    return [{ dtype: x.dtype, shape }];
  },
  Reshape: ({ x, shape }, _, refuse) => {
    const target = shape.holds ?? refuse("a known shape");
    if (times(...x.shape) !== times(...target)) refuse(`a shape of as many elements, not [${target.join(", ")}]`);
    return [{ dtype: x.dtype, shape: target }];
  },
  Shape: ({ x }, attributes) => {
    const end = (attributes.end as number | undefined) ?? x.shape.length;
    return [{ dtype: "int64", shape: [end - ((attributes.start as number | undefined) ?? 0)] }];
  },
  Slice: (operands, _, refuse) => {
    const { dtype, shape } = operands.x;
    return [{ dtype, shape: listSpans(operands, refuse).reduce<Shape>((left, { axis, count }) => left.with(axis, count), shape) }];
  },
  Transpose: ({ x }, attributes, refuse) => {
    const order = (attributes.perm as readonly number[] | undefined) ?? [];
    if (
      !sameShape(
        order.toSorted((a, b) => a - b),
        [...x.shape.keys()],
      )
    )
      refuse(`a permutation of ${x.shape.length} axes`);
    return [{ dtype: x.dtype, shape: order.map((axis) => x.shape[axis]!) }];
  },
  DynamicQuantizeMatMul: ({ x, weight }, _, refuse) => {
    if (weight.shape.length !== 2 || x.shape.at(-1) !== weight.shape[0]) refuse("[..., inner] and [inner, columns]");
    return [{ dtype: "float32", shape: [...x.shape.slice(0, -1), weight.shape[1]!] }];
  },
  /** query [batch, queries, hidden], key and value [batch, keys, hidden], a bias [batch, heads, queries, keys] -> [batch, queries, hidden] */
  MultiHeadAttention: ({ query, key, value, bias }, attributes, refuse) => {
    if (!sameShape(key.shape, value.shape) || query.shape[0] !== key.shape[0]) refuse("query, key and value of one batch");
    if (bias && !sameShape(bias.shape, [query.shape[0]!, attributes.num_heads as number, query.shape[1]!, key.shape[1]!]))
      refuse("a bias [batch, heads, queries, keys]");
    return [{ dtype: query.dtype, shape: query.shape }];
  },
};
