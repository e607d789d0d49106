import { producer } from "../producer.js";
import { addInput, addOutput, createGraph } from "./graph.js";
import { encodeModel } from "./model.js";
import { dynamicQuantizeMatMul } from "./ops.js";
import { createSession } from "./session.js";

const [inner, columns] = [64, 32];

/**
 * The largest signed integer that a weight of DynamicQuantizeMatMul may be on this processor: 127, or 63 where sums of two products
 * saturate at 16 bits (x86 without VNNI or AMX). Blocks the thread.
 */
export async function findLargestWeight(): Promise<number> {
  const graph = createGraph("saturation");
  const x = addInput(graph, "x", "float32", [1, inner]);
  const weight = addInput(graph, "weight", "int8", [inner, columns]);
  addOutput(graph, "y", dynamicQuantizeMatMul(x, weight, addInput(graph, "scale", "float32", [columns]), undefined, undefined));
  const session = await createSession(encodeModel(graph, producer), { threads: 1, optimization: "basic" });
  const { y } = await session.run({
    x: { dtype: "float32", shape: [1, inner], data: new Float32Array(inner).fill(1) },
    weight: { dtype: "int8", shape: [inner, columns], data: new Int8Array(inner * columns).fill(127) },
    scale: { dtype: "float32", shape: [columns], data: new Float32Array(columns).fill(1) },
  });
  await session.close();
  return Math.abs((y!.data as Float32Array)[0]! - inner * 127) < 1 ? 127 : 63;
}
