import { addConstant, type Graph } from "../onnx/graph.js";
import { add, dynamicQuantizeMatMul, matmul } from "../onnx/ops.js";
import type { Checkpoint } from "./checkpoint.js";
import type { Linear } from "./fused.js";
import { quantizeColumns, transposeMatrix } from "./quantize.js";

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
 * The head stays in float32: it is small, and its errors would go straight into the score.
 * @param largest the largest integer that a weight becomes
 */
export function int8Linear(graph: Graph, checkpoint: Checkpoint, largest: number): Linear {
  const exact = fp32Linear(graph, checkpoint);
  return (x, name) => {
    if (!name.includes(".encoder.")) return exact(x, name);
    const { weight, bias, inner, columns } = readLinear(checkpoint, name);
    const { data, scales } = quantizeColumns(weight, inner, columns, largest);
    const quantized = addConstant(graph, "int8", [inner, columns], data, `${name}.weight_int8`);
    const scale = addConstant(graph, "float32", [columns], scales, `${name}.scale`);
    return dynamicQuantizeMatMul(x, quantized, scale, undefined, addConstant(graph, "float32", [columns], bias, `${name}.bias`));
  };
}

/** A layer's weight as [inner, columns], which ONNX multiplies by, and its bias. */
function readLinear({ weights }: Checkpoint, name: string) {
  const { shape, data } = weights.get(`${name}.weight`)!;
  const [columns, inner] = shape as readonly [number, number];
  return { weight: transposeMatrix(data, columns, inner), bias: weights.get(`${name}.bias`)!.data, inner, columns };
}
