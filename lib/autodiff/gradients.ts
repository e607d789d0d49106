import { fail } from "../errors/errors.js";
import type { Dim } from "../onnx/dims.js";
import type { Attributes, Value } from "../onnx/graph.js";
import type { Operands } from "../onnx/operands.js";
import type { Op } from "../onnx/operators.js";
import {
  add, cast, div, erf, exp, expand, first, gemm, less, matmul, mul, neg, padTo, reduceMean, reduceSum, reshape, slice, sub, transpose,
} from "../onnx/ops.js"; // biome-ignore format: a list reads better in lines
import { listSpans, type Span } from "../onnx/slices.js";

/** Operators without a gradient: those for integers, masks and shapes, and those used only in serving or measuring. */
const undifferentiable = [
  "Abs", "BitShift", "Cast", "Concat", "CumSum", "DynamicQuantizeMatMul", "Equal", "Gather", "If", "Less", "MultiHeadAttention", "Pad",
  "ReduceMax", "ReduceMin", "Shape",
] as const; // biome-ignore format: a list reads better in lines

export type DifferentiableOp = Exclude<Op, (typeof undifferentiable)[number]>;

/** A node's inputs by name, its first output `y`, all its outputs and its attributes. */
type Bound<O extends Op> = Operands<O> & { readonly y: Value; readonly outputs: readonly Value[]; readonly attributes: Attributes };

/**
 * The gradients of a node's inputs, in order, given that of its first output; undefined for an input without one. A gradient may have
 * the shape that its input was broadcast to: `backward` sums it.
 */
type Rule<O extends Op> = (node: Bound<O>, dy: Value) => readonly (Value | undefined)[];

/** For each operator, the gradients of its inputs. */
export const gradients: { readonly [O in DifferentiableOp]: Rule<O> } = {
  Add: (_, dy) => [dy, dy],
  Sub: (_, dy) => [dy, neg(dy)],
  Mul: ({ a, b }, dy) => [mul(dy, b), mul(dy, a)],
  Div: ({ b, y }, dy) => [div(dy, b), neg(div(mul(dy, y), b))],
  Neg: (_, dy) => [neg(dy)],
  Exp: ({ y }, dy) => [mul(dy, y)],
  Relu: ({ y }, dy) => [mul(dy, cast(less(0, y), dy.dtype))],
  Tanh: ({ y }, dy) => [mul(dy, sub(1, mul(y, y)))],
  // d erf(x) / dx = 2 / sqrt(pi) exp(-x^2), with the factor in the exponent
  Erf: ({ x }, dy) => [mul(dy, exp(sub(Math.log(2 / Math.sqrt(Math.PI)), mul(x, x))))],
  // Gelu(x) = x cdf(x), so its derivative is cdf(x) + x pdf(x), both of the normal distribution.
  Gelu: ({ x }, dy) => {
    const scaled = mul(x, Math.SQRT1_2);
    const cdf = add(mul(erf(scaled), 0.5), 0.5);
    const pdf = exp(sub(-Math.log(Math.sqrt(2 * Math.PI)), mul(scaled, scaled)));
    return [mul(dy, add(cdf, mul(x, pdf)))];
  },
  Softmax: ({ y, attributes }, dy) => [mul(sub(dy, reduceSum(mul(dy, y), [(attributes.axis as number | undefined) ?? -1])), y)],
  // Ba, Kiros & Hinton 2016: (the gradient - its mean - its projection on the normalized input) / the standard deviation.
  LayerNormalization: ({ x, scale, outputs }, dy) => {
    const [, mean, inverse] = outputs as readonly [Value, Value, Value];
    const normalized = mul(sub(x, mean), inverse);
    const dNormalized = mul(dy, scale);
    const projection = mul(normalized, reduceMean(mul(dNormalized, normalized), [-1]));
    const dx = mul(inverse, sub(sub(dNormalized, reduceMean(dNormalized, [-1])), projection));
    return [dx, mul(dy, normalized), dy];
  },
  MatMul: ({ a, b }, dy) => [matmul(dy, swap(b)), matmul(swap(a), dy)],
  Gemm: ({ a, b, attributes }, dy) => {
    const [transA, transB] = [attributes.transA === 1, attributes.transB === 1];
    const { alpha = 1, beta = 1 } = attributes as { readonly alpha?: number; readonly beta?: number };
    const product = (x: Value, y: Value, transA: boolean, transB: boolean) =>
      gemm(x, y, undefined, { transA: transA ? 1 : 0, transB: transB ? 1 : 0, alpha });
    const da = transA ? product(b, dy, transB, true) : product(dy, b, false, !transB);
    const db = transB ? product(dy, a, true, transA) : product(a, dy, !transA, false);
    return [da, db, beta === 1 ? dy : mul(dy, beta)];
  },
  Transpose: ({ attributes }, dy) => {
    const order = attributes.perm as readonly number[];
    return [transpose(dy, [...order.keys()].map((axis) => order.indexOf(axis)))]; // biome-ignore format: one line
  },
  Reshape: ({ x }, dy) => [reshape(dy, x.shape)],
  Expand: (_, dy) => [dy],
  ReduceSum: ({ x, axes }, dy) => [unreduce(x, dy, axes.holds!)],
  ReduceMean: ({ x, attributes }, dy) => {
    const axes = attributes.axes as readonly number[];
    const count = axes.reduce((product, axis) => product * knownSize(x.shape.at(axis)!, "ReduceMean"), 1);
    return [unreduce(x, mul(dy, 1 / count), axes)];
  },
  Slice: (node, dy) => {
    const spans = listSpans(node, (expected) => fail("no-gradient", { op: `Slice without ${expected}` }));
    return [spans.reduceRight((gradient, span) => unslice(gradient, span, node.x.shape[span.axis]!), dy)];
  },
};

/** A matrix, or a stack of matrices, transposed. */
function swap(x: Value): Value {
  const axes = [...x.shape.keys()];
  return transpose(x, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
}

/** The gradient of a sum, repeated along the axes of x that were summed. */
function unreduce(x: Value, dy: Value, axes: readonly Dim[]): Value {
  const reduced = new Set(axes.map((axis) => (Number(axis) + x.shape.length) % x.shape.length));
  const kept = x.shape.map((dim, i) => (reduced.has(i) ? 1 : dim));
  return expand(reshape(dy, kept), x.shape);
}

/** The gradient of a slice along one axis: dy at the positions that the slice took, zeros elsewhere. */
function unslice(dy: Value, { axis, start, step, count }: Span, size: Dim): Value {
  if (count === size && step === 1) return dy;
  const taken = knownSize(count, "Slice");
  if (step < 0) return unslice(reverse(dy, axis), { axis, start: start + step * (taken - 1), step: -step, count }, size);
  return padTo(step === 1 ? dy : dilate(dy, axis, taken, step), axis, size, start);
}

const reverse = (x: Value, axis: number) => slice(x, axis, -1, Number.MIN_SAFE_INTEGER, -1);

/** x with `step - 1` zeros between the elements of an axis. */
function dilate(x: Value, axis: number, count: number, step: number): Value {
  const split = padTo(reshape(x, x.shape.toSpliced(axis + 1, 0, 1)), axis + 1, step);
  return first(reshape(split, x.shape.with(axis, count * step)), axis, (count - 1) * step + 1);
}

/** @throws no-gradient if the size is unknown until run time */
function knownSize(size: Dim, op: Op): number {
  return typeof size === "number" ? size : fail("no-gradient", { op: `${op} along the named dimension ${size}` });
}
