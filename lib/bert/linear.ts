import { addConstant, type Graph, type Value } from "../onnx/graph.js";
import { add, dynamicQuantizeMatMul, matmul, mul } from "../onnx/ops.js";
import type { Checkpoint } from "./checkpoint.js";
import type { Linear } from "./kernels.js";
import { isQuantized } from "./precisions.js";
import { findSmoothing, quantizeColumns, type Ranges, scaleRows, transposeMatrix } from "./quantize.js";

/** Linear layers in float32. */
export function fp32Linear(graph: Graph, checkpoint: Checkpoint): Linear {
  return (x, name) => {
    const { weight, bias, inner, columns } = readLinear(checkpoint, name);
    const product = matmul(x, addConstant(graph, "float32", [inner, columns], weight, `${name}.weight`));
    return add(product, addConstant(graph, "float32", [columns], bias, `${name}.bias`));
  };
}

/**
 * Linear layers of 8-bit weights with a scale per column and zero point 0, and of activations that are quantized at run time: ONNX
 * Runtime's fastest path on the CPU.
 * @param quantization the largest integer that a weight becomes, and the layers that stay in float32
 * @param ranges of each layer's input, if known: it is then smoothed
 */
export function int8Linear(
  graph: Graph,
  checkpoint: Checkpoint,
  { largest, exact: exactLayers }: { readonly largest: number; readonly exact?: readonly ("first" | "last")[] | undefined },
  ranges: Ranges | undefined,
): Linear {
  const exact = fp32Linear(graph, checkpoint);
  const known = new Map<Value, Smoothed>();
  /** Smooths x once for all layers that read it. */
  const smooth = (x: Value, range: Float32Array): Smoothed => {
    const smoothed = known.get(x) ?? smoothInput(graph, x, range);
    known.set(x, smoothed);
    return smoothed;
  };
  return (x, name) => {
    if (!isQuantized(name, checkpoint.config.layers, exactLayers)) return exact(x, name);
    const { weight, bias, inner, columns } = readLinear(checkpoint, name);
    const range = ranges?.get(name);
    const { input, factors } = range ? smooth(x, range) : { input: x, factors: undefined };
    const { data, scales } = quantizeColumns(factors ? scaleRows(weight, factors) : weight, inner, columns, largest);
    const quantized = addConstant(graph, "int8", [inner, columns], data, `${name}.weight_int8`);
    const scale = addConstant(graph, "float32", [columns], scales, `${name}.scale`);
    return dynamicQuantizeMatMul(input, quantized, scale, undefined, addConstant(graph, "float32", [columns], bias, `${name}.bias`));
  };
}

/** A layer's input with each channel divided by its factor, by which the weights are multiplied. */
interface Smoothed {
  readonly input: Value;
  readonly factors: Float32Array;
}

function smoothInput(graph: Graph, x: Value, range: Float32Array): Smoothed {
  const factors = findSmoothing(range);
  const inverse = factors.map((factor) => 1 / factor);
  return { input: mul(x, addConstant(graph, "float32", [factors.length], inverse)), factors };
}

/** A layer's weight in ONNX's layout [inner, columns], and its bias. */
function readLinear({ weights }: Checkpoint, name: string) {
  const { shape, data } = weights.get(`${name}.weight`)!;
  const [columns, inner] = shape as readonly [number, number];
  return { weight: transposeMatrix(data, columns, inner), bias: weights.get(`${name}.bias`)!.data, inner, columns };
}
