import { producer } from "../system/producer.js";
import { addConstant, addInput, addOutput, createGraph } from "./graph.js";
import { encodeModel } from "./model-file.js";
import { dynamicQuantizeMatMul } from "./ops.js";
import { createSession } from "./session.js";

const [rows, inner, columns] = [4, 128, 64];
const largest = 127;

/**
 * Whether products of 8-bit weights overflow on this processor. On x86 without VNNI or AMX, the sum of two products saturates at 16 bits.
 * Runs a product of the largest numbers, which takes a millisecond.
 */
export async function isSaturating(): Promise<boolean> {
  const graph = createGraph("saturation");
  const x = addInput(graph, "x", "float32", [rows, inner]);
  const weight = addConstant(graph, "int8", [inner, columns], new Int8Array(inner * columns).fill(largest), "weight");
  const scale = addConstant(graph, "float32", [columns], new Float32Array(columns).fill(1), "scale");
  addOutput(graph, "y", dynamicQuantizeMatMul(x, weight, scale));
  const session = await createSession(encodeModel(graph, producer), { threads: 1, optimization: "basic" });
  const { y } = await session.run({ x: { dtype: "float32", shape: [rows, inner], data: new Float32Array(rows * inner).fill(1) } });
  await session.close();
  return (y!.data as Float32Array).some((sum) => sum < 0.99 * largest * inner);
}
