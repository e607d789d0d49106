import { toHalf } from "../math/float16.js";
import { type Dim, rest, sameShape } from "./dims.js";
import { type ArrayOf, type Attributes, addBranch, addConstant, addNode, type DType, type Graph, type Value } from "./graph.js";
import { dtypeNumbers, type Op } from "./shapes.js";

/** A tensor, or a number that takes the other operand's type. */
export type Operand = Value | number;

const arrays: { readonly [dtype in DType]: (values: readonly number[]) => ArrayOf[dtype] } = {
  float32: (values) => new Float32Array(values),
  float16: (values) => toHalf(new Float32Array(values)),
  float64: (values) => new Float64Array(values),
  int64: (values) => BigInt64Array.from(values, BigInt),
  int32: (values) => new Int32Array(values),
  uint32: (values) => new Uint32Array(values),
  int8: (values) => new Int8Array(values),
  uint8: (values) => new Uint8Array(values),
  bool: (values) => new Uint8Array(values),
};

/** A small constant of given numbers; equal ones are shared. */
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
export const sqrt = unary("Sqrt");
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
/** alpha * a' b' + beta * bias, where ' transposes on request; matrices only. */
export const gemm = (a: Value, b: Value, bias: Value | undefined, attributes: GemmAttributes = {}): Value =>
  apply("Gemm", bias ? [a, b, bias] : [a, b], { ...attributes });
/** Rows of `table` [rows, width] at `indices`. */
export const gather = (table: Value, indices: Value, axis = 0): Value => apply("Gather", [table, indices], { axis });
/** Sums up to and with each element, along an axis. */
export const cumSum = (x: Value, axis: number): Value => apply("CumSum", [x, scalar(x.graph, axis, "int64")]);
export const transpose = (x: Value, perm: readonly number[]): Value => apply("Transpose", [x], { perm });
export const reduceSum = (x: Value, axes: readonly number[], keepdims: 0 | 1 = 1): Value =>
  apply("ReduceSum", [x, constant(x.graph, axes)], { keepdims });
export const reduceMean = (x: Value, axes: readonly number[], keepdims: 0 | 1 = 1): Value => apply("ReduceMean", [x], { axes, keepdims });
export const reduceMin = (x: Value, axes: readonly number[], keepdims: 0 | 1 = 1): Value => apply("ReduceMin", [x], { axes, keepdims });
/** The normalized tensor, the means and the inverse standard deviations over the last axis. */
export const layerNormalization = (x: Value, scale: Value, bias: Value, epsilon: number): readonly Value[] =>
  addNode(x.graph, "LayerNormalization", [x, scale, bias], { axis: -1, epsilon });
/** com.microsoft: x quantized to 8 bits as it comes, times weight [inner, columns] int8 with a scale a column, plus bias. */
export const dynamicQuantizeMatMul = (
  x: Value,
  weight: Value,
  scale: Value,
  zeroPoint: Value | undefined,
  bias: Value | undefined,
): Value => apply("DynamicQuantizeMatMul", [x, weight, scale, zeroPoint, bias]);
/**
 * com.microsoft: [batch, queries, hidden] from queries, keys and values that already carry their biases. `keyMask` [batch, keys] int32 holds
 * 0 for padding; `bias` [batch, heads, queries, keys] is added to the logits.
 */
export const multiHeadAttention = (query: Value, key: Value, value: Value, heads: number, keyMask?: Value, bias?: Value): Value => {
  const rest = [undefined, keyMask, bias];
  return apply("MultiHeadAttention", [query, key, value, ...rest.slice(0, bias ? 3 : keyMask ? 2 : 0)], { num_heads: heads });
};

/** The value of one of two branches, chosen while the graph runs by a bool of one element. */
export function ifElse(condition: Value, then: () => Value, otherwise: () => Value): Value {
  const graph = condition.graph;
  return addNode(graph, "If", [condition], { then_branch: addBranch(graph, then), else_branch: addBranch(graph, otherwise) })[0]!;
}

/** x in another shape of as many elements; dimensions that only the run knows are read off the graph's inputs. */
export function reshape(x: Value, shape: readonly Dim[]): Value {
  if (sameShape(x.shape, shape)) return x;
  return apply("Reshape", [x, shapeVector(x, shape)]);
}

/** x repeated along its dimensions of size 1. */
export function expand(x: Value, shape: readonly Dim[]): Value {
  return sameShape(x.shape, shape) ? x : apply("Expand", [x, dimensions(x.graph, shape)]);
}

/** The first `count` along an axis. */
export function first(x: Value, axis: number, count: Dim): Value {
  return apply("Slice", [x, constant(x.graph, [0]), dimensions(x.graph, [count]), constant(x.graph, [axis])]);
}

/** Zeros after x along an axis, up to `size`: what undoes `first`. */
export function padTo(x: Value, axis: number, size: Dim): Value {
  const count = x.shape[axis] as number;
  const zeros = x.shape.map(() => 0);
  const missing = typeof size === "number" ? constant(x.graph, [size - count]) : sub(dimensions(x.graph, [size]), count);
  const parts = [
    constant(x.graph, [...zeros, ...zeros.slice(0, axis)]),
    missing,
    ...(axis + 1 < zeros.length ? [constant(x.graph, zeros.slice(axis + 1))] : []),
  ];
  const pads = [...zeros, ...(zeros as Dim[]).with(axis, rest(size, count))];
  return apply("Pad", [x, addNode(x.graph, "Concat", parts, { axis: 0 }, pads)[0]!]);
}

/** Reshape's vector: 0 copies the dimension at its place, -1 follows from the others, what is left is read off the inputs. */
function shapeVector(x: Value, shape: readonly Dim[]): Value {
  const copied = (dim: Dim, i: number) => typeof dim === "string" && dim === x.shape[i];
  const open = shape.findIndex((dim, i) => typeof dim === "string" && !copied(dim, i));
  const vector = shape.map((dim, i) => (copied(dim, i) ? 0 : i === open ? -1 : dim));
  return dimensions(x.graph, vector, shape);
}

/** An int64 vector of dimensions. @param holds what the vector means, where -1 or 0 stand for a dimension */
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

/** Sums a gradient over the dimensions along which its value was broadcast. */
export function sumTo(x: Value, shape: readonly Dim[]): Value {
  const added = x.shape.length - shape.length;
  const leading = Array.from({ length: added }, (_, i) => i);
  const stretched = shape.flatMap((dim, i) => (dim === 1 && x.shape[i + added] !== 1 ? [i + added] : []));
  const axes = [...leading, ...stretched];
  if (axes.length === 0) return x;
  const sum = reduceSum(x, axes);
  return added === 0 ? sum : reshape(sum, shape);
}
