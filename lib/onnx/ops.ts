import { type Dim, rest, sameShape } from "./dims.js";
import { arrays, type DType, dtypeNumbers } from "./dtypes.js";
import { type Attributes, addBranch, addConstant, type Graph, type Value } from "./graph.js";
import { addNode } from "./nodes.js";
import type { Op } from "./operators.js";

/** A tensor, or a number, which gets the other operand's type. */
type Operand = Value | number;

/** A small constant. Equal constants are shared. */
export function constant(
  graph: Graph,
  values: readonly number[],
  dtype: DType = "int64",
  shape: readonly number[] = [values.length],
): Value {
  return addConstant(graph, dtype, shape, arrays[dtype](values), `${dtype}_${shape.join("x")}_${values.join("_")}`);
}

const scalar = (graph: Graph, value: number, dtype: DType): Value => constant(graph, [value], dtype, []);

function apply(op: Op, inputs: readonly (Value | undefined)[], attributes?: Attributes): Value {
  return addNode(inputs.find((input) => input)!.graph, op, inputs, attributes)[0]!;
}

function binary(op: Op) {
  return (a: Operand, b: Operand): Value => {
    const known = (typeof a === "number" ? b : a) as Value;
    const lift = (x: Operand) => (typeof x === "number" ? scalar(known.graph, x, known.dtype) : x);
    return apply(op, [lift(a), lift(b)]);
  };
}

const unary = (op: Op) => (x: Value) => apply(op, [x]);

const reduction =
  (op: Op) =>
  (x: Value, axes: readonly number[], keepdims: 0 | 1 = 1): Value =>
    apply(op, [x], { axes, keepdims });

export const abs = unary("Abs");
export const add = binary("Add");
export const sub = binary("Sub");
export const mul = binary("Mul");
export const div = binary("Div");
export const equal = binary("Equal");
export const less = binary("Less");
export const erf = unary("Erf");
export const exp = unary("Exp");
export const neg = unary("Neg");
export const relu = unary("Relu");
export const tanh = unary("Tanh");
/** Over the last axis. */
export const softmax = (x: Value): Value => apply("Softmax", [x], { axis: -1 });
/** com.microsoft: x * (1 + erf(x / sqrt 2)) / 2 in one kernel. */
export const gelu = unary("Gelu");
export const cast = (x: Value, to: DType): Value => (x.dtype === to ? x : apply("Cast", [x], { to: dtypeNumbers[to] }));
/** Shifts unsigned integers right by `bits`. */
export const shiftRight = (x: Value, bits: number): Value => apply("BitShift", [x, scalar(x.graph, bits, x.dtype)], { direction: "RIGHT" });
export const matmul = (a: Value, b: Value): Value => apply("MatMul", [a, b]);
export interface GemmAttributes {
  readonly transA?: 0 | 1;
  readonly transB?: 0 | 1;
  readonly alpha?: number;
  readonly beta?: number;
}
/** alpha * a' b' + beta * bias, of matrices, where ' transposes if asked to. */
export const gemm = (a: Value, b: Value, bias: Value | undefined, attributes: GemmAttributes = {}): Value =>
  apply("Gemm", bias ? [a, b, bias] : [a, b], { ...attributes });
/** Rows of `table` [rows, width] at `indices`. */
export const gather = (table: Value, indices: Value, axis = 0): Value => apply("Gather", [table, indices], { axis });
/** The running sum along an axis, including the element itself. */
export const cumSum = (x: Value, axis: number): Value => apply("CumSum", [x, scalar(x.graph, axis, "int64")]);
export const transpose = (x: Value, perm: readonly number[]): Value => apply("Transpose", [x], { perm });
export const reduceSum = (x: Value, axes: readonly number[], keepdims: 0 | 1 = 1): Value =>
  apply("ReduceSum", [x, constant(x.graph, axes)], { keepdims });
export const reduceMax = reduction("ReduceMax");
export const reduceMean = reduction("ReduceMean");
export const reduceMin = reduction("ReduceMin");
/** The normalized tensor, the means and the inverse standard deviations over the last axis. */
export const layerNormalization = (x: Value, scale: Value, bias: Value, epsilon: number): readonly Value[] =>
  addNode(x.graph, "LayerNormalization", [x, scale, bias], { axis: -1, epsilon });
/** com.microsoft: x, quantized to 8 bits at run time, times weight [inner, columns] int8 with a scale per column, plus bias. */
export const dynamicQuantizeMatMul = (x: Value, weight: Value, scale: Value, zeroPoint?: Value, bias?: Value): Value =>
  apply("DynamicQuantizeMatMul", [x, weight, scale, zeroPoint, bias]);
/**
 * com.microsoft: [batch, queries, hidden] from projected queries, keys and values. `keyMask` [batch, keys] int32 is 0 at padding.
 * `bias` [batch, heads, queries, keys] is added to the logits.
 */
export const multiHeadAttention = (query: Value, key: Value, value: Value, heads: number, keyMask?: Value, bias?: Value): Value => {
  const rest = [undefined, keyMask, bias];
  return apply("MultiHeadAttention", [query, key, value, ...rest.slice(0, bias ? 3 : keyMask ? 2 : 0)], { num_heads: heads });
};

/** The value of one of two branches. `condition`, a bool of one element, chooses it at run time. */
export function ifElse(condition: Value, then: () => Value, otherwise: () => Value): Value {
  const graph = condition.graph;
  return addNode(graph, "If", [condition], { then_branch: addBranch(graph, then), else_branch: addBranch(graph, otherwise) })[0]!;
}

/** x in another shape with as many elements. Dimensions unknown until run time are read from the graph's inputs. */
export function reshape(x: Value, shape: readonly Dim[]): Value {
  if (sameShape(x.shape, shape)) return x;
  return apply("Reshape", [x, shapeVector(x, shape)]);
}

/** x repeated along its dimensions of size 1. */
export function expand(x: Value, shape: readonly Dim[]): Value {
  return sameShape(x.shape, shape) ? x : apply("Expand", [x, dimensions(x.graph, shape)]);
}

/** Elements `start`, `start + step`... of an axis, before `end`. As in ONNX, negative numbers count from the end, and bounds are clamped. */
export function slice(x: Value, axis: number, start: number, end: Dim, step = 1): Value {
  const { graph } = x;
  const inputs = [x, constant(graph, [start]), dimensions(graph, [end]), constant(graph, [axis])];
  return apply("Slice", step === 1 ? inputs : [...inputs, constant(graph, [step])]);
}

/** The first `count` elements of an axis. */
export const first = (x: Value, axis: number, count: Dim): Value => slice(x, axis, 0, count);

/** Pads an axis of known size with zeros to `size`, `before` of them at the start. */
export function padTo(x: Value, axis: number, size: Dim, before = 0): Value {
  const { graph } = x;
  const count = Number(x.shape[axis]) + before;
  const zeros = x.shape.map(() => 0);
  const starts = zeros.with(axis, before);
  const missing = typeof size === "number" ? constant(graph, [size - count]) : sub(dimensions(graph, [size]), count);
  const parts = [
    constant(graph, [...starts, ...zeros.slice(0, axis)]),
    missing,
    ...(axis + 1 < zeros.length ? [constant(graph, zeros.slice(axis + 1))] : []),
  ];
  const pads = [...starts, ...(zeros as Dim[]).with(axis, rest(size, count))];
  return apply("Pad", [x, addNode(graph, "Concat", parts, { axis: 0 }, pads)[0]!]);
}

/** The shape operand of Reshape: 0 copies the dimension at the same place, -1 is inferred, and others are read from the graph's inputs. */
function shapeVector(x: Value, shape: readonly Dim[]): Value {
  const copied = (dim: Dim, i: number) => typeof dim === "string" && dim === x.shape[i];
  const open = shape.findIndex((dim, i) => typeof dim === "string" && !copied(dim, i));
  const vector = shape.map((dim, i) => (copied(dim, i) ? 0 : i === open ? -1 : dim));
  return dimensions(x.graph, vector, shape);
}

/** An int64 vector of dimensions. @param holds the dimensions themselves, if `dims` has -1 or 0 for some */
function dimensions(graph: Graph, dims: readonly Dim[], holds: readonly Dim[] = dims): Value {
  const known = dims.every((dim) => typeof dim === "number");
  const parts = known
    ? [constant(graph, dims as readonly number[])]
    : dims.map((dim) => (typeof dim === "number" ? constant(graph, [dim]) : dimension(graph, dim)));
  if (known && sameShape(dims, holds)) return parts[0]!;
  return addNode(graph, "Concat", parts, { axis: 0 }, holds)[0]!;
}

/** A named dimension, or a product of such, as an int64 vector of one element. */
function dimension(graph: Graph, dim: string): Value {
  const factors = dim
    .split("*")
    .map((factor) => (Number.isInteger(Number(factor)) ? constant(graph, [Number(factor)]) : namedDimension(graph, factor)));
  return factors.reduce(mul);
}

function namedDimension(graph: Graph, name: string): Value {
  const input = graph.inputs.find(({ shape }) => shape.includes(name));
  if (!input) throw new Error(`no input of the graph has the dimension ${name}`);
  const axis = input.shape.indexOf(name);
  return apply("Shape", [input], { start: axis, end: axis + 1 });
}
