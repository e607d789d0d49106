import { addConstant, addInput, addOutput, createGraph, type Graph, type Node, type Value } from "../onnx/graph.js";
import { encodeModel } from "../onnx/model.js";
import {
  abs, add, div, dynamicQuantizeMatMul, type GemmAttributes, mul, neg, quantizeLinear, reduceMax, reduceMin, relu, reshape, transpose,
} from "../onnx/ops.js"; // biome-ignore format: a list reads better in lines
import { applyRewrite } from "../onnx/simplify.js";
import { producer } from "../producer.js";
import { layerOf } from "./precisions.js";

/** Of the encoder's products with its weights, forward and for the gradients of its inputs. */
export const precisions = ["fp32", "int8"] as const;
export type Precision = (typeof precisions)[number];

/** Inputs of a training graph that hold a weight [out, in] in integers. */
const inputNames = {
  /** [out, in], for gradients */
  integers: (weight: string) => `${weight} in int8`,
  /** [in, out], for the forward product */
  transposed: (weight: string) => `${weight} in int8, transposed`,
  /** [out], by which each row of the integers counts */
  scale: (weight: string) => `${weight}'s scale`,
};

const tiny = 1e-30; // rows of zeros have a scale too

/**
 * Takes the encoder's products of all tokens with a weight, x w' and dy w, through DynamicQuantizeMatMul; weight gradients stay in float32.
 * SwitchBack (Wortsman et al. 2023), with a scale a row of the weights too. Answers the weights whose integers the graph now reads.
 */
export function quantizeProducts(graph: Graph): readonly Value[] {
  const weights = new Set<Value>();
  const scaleOf = remember((weight) => addInput(graph, inputNames.scale(weight.name), "float32", [weight.shape[0]!]));
  const evenRows = remember(spreadRows);
  applyRewrite(graph, (node) => {
    if (!isProduct(node)) return undefined;
    const [x, weight, bias] = node.inputs as readonly [Value, Value, Value?];
    const { transB, alpha = 1, beta = 1 } = node.attributes as GemmAttributes;
    weights.add(weight);
    const [out, inner] = weight.shape as readonly [number, number];
    if (transB) {
      const { rows, ranges } = evenRows(x);
      const integers = addInput(graph, inputNames.transposed(weight.name), "int8", [inner, out]);
      const product = mul(dynamicQuantizeMatMul(rows, integers, times(scaleOf(weight), alpha), undefined, undefined), ranges);
      return bias ? add(product, times(bias, beta)) : product;
    }
    // What the integers' rows are worth goes into dy, so that one set of integers serves both products.
    const { rows, ranges } = evenRows(mul(x, scaleOf(weight)));
    const integers = addInput(graph, inputNames.integers(weight.name), "int8", [out, inner]);
    const alphas = addConstant(graph, "float32", [inner], new Float32Array(inner).fill(alpha));
    return mul(dynamicQuantizeMatMul(rows, integers, alphas, undefined, undefined), ranges);
  });
  return [...weights];
}

/** Not the last layer's with [CLS] alone: a few rows. */
function isProduct({ op, inputs: [x, weight], attributes: { transA } }: Node): boolean {
  return (
    op === "Gemm" && !transA && weight!.graph.inputs.includes(weight!) && layerOf(weight!.name) !== undefined && x!.shape[0] !== "batch"
  );
}

interface Evened {
  /** Each row over the range that it spans with 0. */
  readonly rows: Value;
  /** [rows, 1] */
  readonly ranges: Value;
}

/** DynamicQuantizeMatMul has one scale for all rows, and rows, most of all of gradients, differ in size. */
function spreadRows(x: Value): Evened {
  const ranges = add(add(relu(reduceMax(x, [1])), relu(neg(reduceMin(x, [1])))), tiny);
  return { rows: div(x, ranges), ranges };
}

/** The same result for the same value. */
function remember<T>(make: (x: Value) => T): (x: Value) => T {
  const known = new Map<Value, T>();
  return (x) => {
    const result = known.get(x) ?? make(x);
    known.set(x, result);
    return result;
  };
}

const times = (x: Value, factor: number): Value => (factor === 1 ? x : mul(x, factor));

/** Input of the graph below: the largest integer that a weight becomes, []. */
export const largestInput = "largest";

/** The graph that makes the integers of weights [out, in], to be run once a step; its outputs are inputs of the training graph. */
export function buildQuantization(weights: readonly Value[]): Uint8Array {
  const graph = createGraph("quantization");
  const largest = addInput(graph, largestInput, "float32", []);
  for (const { name, shape } of weights) {
    const weight = addInput(graph, name, "float32", shape);
    const size = add(reduceMax(abs(weight), [1]), tiny);
    const integers = quantizeLinear(mul(weight, div(largest, size)));
    addOutput(graph, inputNames.scale(name), reshape(div(size, largest), [shape[0]!]));
    addOutput(graph, inputNames.transposed(name), transpose(integers, [1, 0]));
    addOutput(graph, inputNames.integers(name), integers);
  }
  return encodeModel(graph, producer);
}
