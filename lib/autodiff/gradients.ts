import type { Dim } from "../onnx/dims.js";
import type { Node, Value } from "../onnx/graph.js";
import {
  add,
  cast,
  div,
  erf,
  exp,
  expand,
  gemm,
  less,
  matmul,
  mul,
  neg,
  padTo,
  reduceMean,
  reduceSum,
  reshape,
  sub,
  sumTo,
  transpose,
} from "../onnx/ops.js";
import type { Op } from "../onnx/shapes.js";

/** Operators without a gradient: they make integers, masks and shapes, or belong to serving alone. */
export const undifferentiable = [
  "BitShift", "Cast", "Concat", "CumSum", "DynamicQuantizeMatMul", "Equal", "Gather", "If", "Less", "MultiHeadAttention", "Pad",
  "ReduceMin", "Shape",
] as const; // biome-ignore format: a list reads better in lines

export type DifferentiableOp = Exclude<Op, (typeof undifferentiable)[number]>;

/** Gradients of a node's inputs, in their order, from the gradient of its first output; undefined where an input has none. */
type Rule = (node: Node, dy: Value) => readonly (Value | undefined)[];

const inputsOf = (node: Node) => node.inputs as readonly [Value, Value, Value];
const outputOf = (node: Node) => node.outputs[0] as Value;
const swap = (x: Value) => {
  const axes = x.shape.map((_, i) => i);
  return transpose(x, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
};

/** A reduced gradient stretched over what was summed; Expand takes dimensions of size 1. */
const unreduce = (node: Node, dy: Value, axes: readonly Dim[]) => {
  const shape = inputsOf(node)[0].shape;
  const kept = shape.map((dim, i) => (axes.some((axis) => Number(axis) === i || Number(axis) + shape.length === i) ? 1 : dim));
  return expand(reshape(dy, kept), shape);
};

/** For each operator, the gradients of its inputs. */
export const gradients: { readonly [op in DifferentiableOp]: Rule } = {
  Add: (node, dy) => inputsOf(node).map((x) => sumTo(dy, x.shape)),
  Sub: (node, dy) => [sumTo(dy, inputsOf(node)[0].shape), neg(sumTo(dy, inputsOf(node)[1].shape))],
  Mul: (node, dy) => {
    const [a, b] = inputsOf(node);
    return [sumTo(mul(dy, b), a.shape), sumTo(mul(dy, a), b.shape)];
  },
  Div: (node, dy) => {
    const [a, b] = inputsOf(node);
    return [sumTo(div(dy, b), a.shape), neg(sumTo(div(mul(dy, outputOf(node)), b), b.shape))];
  },
  Neg: (_, dy) => [neg(dy)],
  Exp: (node, dy) => [mul(dy, outputOf(node))],
  Sqrt: (node, dy) => [div(mul(dy, 0.5), outputOf(node))],
  Relu: (node, dy) => [mul(dy, cast(less(0, outputOf(node)), dy.dtype))],
  Tanh: (node, dy) => [mul(dy, sub(1, mul(outputOf(node), outputOf(node))))],
  // d erf(x) / dx = 2 / sqrt(pi) exp(-x^2), the factor within the exponent
  Erf: (node, dy) => [mul(dy, exp(sub(Math.log(2 / Math.sqrt(Math.PI)), mul(inputsOf(node)[0], inputsOf(node)[0]))))],
  // Gelu(x) = x cdf(x), so its derivative is cdf(x) + x pdf(x), both of the normal distribution.
  Gelu: (node, dy) => {
    const [x] = inputsOf(node);
    const scaled = mul(x, Math.SQRT1_2);
    const cdf = add(mul(erf(scaled), 0.5), 0.5);
    const pdf = exp(sub(-Math.log(Math.sqrt(2 * Math.PI)), mul(scaled, scaled)));
    return [mul(dy, add(cdf, mul(x, pdf)))];
  },
  Softmax: (node, dy) => {
    const y = outputOf(node);
    return [mul(sub(dy, reduceSum(mul(dy, y), [-1])), y)];
  },
  // Ba, Kiros & Hinton 2016: the gradient less its mean and less its projection on the normalized input, times the inverse deviation.
  LayerNormalization: (node, dy) => {
    const [x, scale, bias] = inputsOf(node);
    const [, mean, inverse] = node.outputs as readonly [Value, Value, Value];
    const normalized = mul(sub(x, mean), inverse);
    const dNormalized = mul(dy, scale);
    const projection = mul(normalized, reduceMean(mul(dNormalized, normalized), [-1]));
    const dx = mul(inverse, sub(sub(dNormalized, reduceMean(dNormalized, [-1])), projection));
    return [dx, sumTo(mul(dy, normalized), scale.shape), sumTo(dy, bias.shape)];
  },
  MatMul: (node, dy) => {
    const [a, b] = inputsOf(node);
    return [sumTo(matmul(dy, swap(b)), a.shape), sumTo(matmul(swap(a), dy), b.shape)];
  },
  Gemm: (node, dy) => {
    const [a, b, bias] = inputsOf(node);
    const [transA, transB] = [node.attributes.transA === 1, node.attributes.transB === 1];
    const alpha = (node.attributes.alpha as number | undefined) ?? 1;
    const beta = (node.attributes.beta as number | undefined) ?? 1;
    const product = (x: Value, y: Value, transA: boolean, transB: boolean) =>
      gemm(x, y, undefined, { transA: transA ? 1 : 0, transB: transB ? 1 : 0, alpha });
    const da = transA ? product(b, dy, transB, true) : product(dy, b, false, !transB);
    const db = transB ? product(dy, a, true, transA) : product(a, dy, !transA, false);
    return [da, db, bias && mul(sumTo(dy, bias.shape), beta)];
  },
  Transpose: (node, dy) => {
    const order = node.attributes.perm as readonly number[];
    return [
      transpose(
        dy,
        order.map((_, axis) => order.indexOf(axis)),
      ),
    ];
  },
  Reshape: (node, dy) => [reshape(dy, inputsOf(node)[0].shape), undefined],
  Expand: (node, dy) => [sumTo(dy, inputsOf(node)[0].shape), undefined],
  ReduceSum: (node, dy) => [unreduce(node, dy, inputsOf(node)[1].holds!), undefined],
  ReduceMean: (node, dy) => {
    const axes = node.attributes.axes as readonly number[];
    const [x] = inputsOf(node);
    const count = axes.reduce((product, axis) => product * Number(x.shape.at(axis)), 1);
    return [unreduce(node, mul(dy, 1 / count), axes)];
  },
  Slice: (node, dy) => {
    const [x, , ends] = inputsOf(node);
    const axis = Number(node.inputs[3]!.holds![0]);
    return x.shape[axis] === ends.holds![0] ? [dy] : [padTo(dy, axis, x.shape[axis]!)];
  },
};
