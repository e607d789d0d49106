import { addConstant, type Graph, type Value } from "../onnx/graph.js";
import { add, dynamicQuantizeMatMul, matmul, mul } from "../onnx/ops.js";
import type { Checkpoint } from "./checkpoint.js";
import type { Linear } from "./fused.js";
import { isQuantized } from "./precisions.js";
import { findOutliers, quantizeColumns, scaleRows, transposeMatrix } from "./quantize.js";
import type { Ranges } from "./ranges.js";

/** x times the transposed weight, plus the bias, in float32. */
export function fp32Linear(graph: Graph, checkpoint: Checkpoint): Linear {
  return (x, name) => {
    const { weight, bias, inner, columns } = readLinear(checkpoint, name);
    const product = matmul(x, addConstant(graph, "float32", [inner, columns], weight, `${name}.weight`));
    return add(product, addConstant(graph, "float32", [columns], bias, `${name}.bias`));
  };
}

/**
 * x quantized as it comes, times signed 8-bit weights with a scale a column (zero point 0): ONNX Runtime's fastest path on the CPU.
 * @param quantization the largest integer that a weight becomes, and the layers that stay exact
 * @param ranges where known, channels of x that stand out are made smaller, and their weights larger
 */
export function int8Linear(
  graph: Graph,
  checkpoint: Checkpoint,
  { largest, exact: exactLayers }: { readonly largest: number; readonly exact?: readonly ("first" | "last")[] },
  ranges: Ranges | undefined,
): Linear {
  const exact = fp32Linear(graph, checkpoint);
  const evened = new Map<Value, { readonly even: Value; readonly factors: Float32Array }>();
  /** The same for all layers that read x. */
  const evenOut = (x: Value, range: Float32Array) => {
    const known = evened.get(x);
    if (known) return known;
    const factors = findOutliers(range);
    const inverse = addConstant(
      graph,
      "float32",
      [factors.length],
      factors.map((factor) => 1 / factor),
    );
    const result = { even: mul(x, inverse), factors };
    evened.set(x, result);
    return result;
  };
  return (x, name) => {
    if (!isQuantized(name, checkpoint.config.layers, exactLayers)) return exact(x, name);
    const { weight, bias, inner, columns } = readLinear(checkpoint, name);
    const range = ranges?.get(name);
    const { even, factors } = range ? evenOut(x, range) : { even: x, factors: undefined };
    const { data, scales } = quantizeColumns(factors ? scaleRows(weight, factors) : weight, inner, columns, largest);
    const quantized = addConstant(graph, "int8", [inner, columns], data, `${name}.weight_int8`);
    const scale = addConstant(graph, "float32", [columns], scales, `${name}.scale`);
    return dynamicQuantizeMatMul(even, quantized, scale, undefined, addConstant(graph, "float32", [columns], bias, `${name}.bias`));
  };
}

/** A layer's weight as [inner, columns], which ONNX multiplies by, and its bias. */
function readLinear({ weights }: Checkpoint, name: string) {
  const { shape, data } = weights.get(`${name}.weight`)!;
  const [columns, inner] = shape as readonly [number, number];
  return { weight: transposeMatrix(data, columns, inner), bias: weights.get(`${name}.bias`)!.data, inner, columns };
}
