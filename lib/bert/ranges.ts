import { addOutput, createGraph, type Graph, type Value } from "../onnx/graph.js";
import { encodeModel } from "../onnx/model-file.js";
import { mul, neg, reduceMin, sqrt } from "../onnx/ops.js";
import { createSession } from "../onnx/session.js";
import { producer } from "../system/producer.js";
import type { Checkpoint } from "./checkpoint.js";
import { scoreTexts } from "./forward.js";
import { fusedKernels } from "./fused.js";
import { fp32Linear } from "./linear.js";
import { isQuantized } from "./precisions.js";

/** For each quantized linear layer, by name, the largest size that each channel of its input reaches. */
export type Ranges = ReadonlyMap<string, Float32Array>;

type Texts = readonly (readonly number[])[];

/** Runs the model in float32 on some texts and notes the ranges. Blocks the thread. @param texts token ids */
export async function measureRanges(checkpoint: Checkpoint, texts: Texts, threads: number): Promise<Ranges> {
  const graph = createGraph("ranges");
  const linear = fp32Linear(graph, checkpoint);
  const kernels = fusedKernels(graph, checkpoint, (x, name) => {
    if (isQuantized(name, checkpoint.config.layers)) addOutput(graph, name, largestSize(x, [0, 1]));
    return linear(x, name);
  });
  scoreTexts(kernels, checkpoint.config);
  return measureOutputs(graph, texts, threads);
}

/** The largest size of what linear layers and sums give for some texts, in float32. Blocks the thread. */
export async function measurePeak(checkpoint: Checkpoint, texts: Texts, threads: number): Promise<number> {
  const graph = createGraph("peak");
  const linear = fp32Linear(graph, checkpoint);
  const note = (value: Value) => {
    addOutput(graph, `peak_${graph.outputs.length}`, largestSize(value, [...value.shape.keys()]));
    return value;
  };
  const kernels = fusedKernels(graph, checkpoint, (x, name) => note(linear(x, name)));
  scoreTexts({ ...kernels, add: (a, b) => note(kernels.add(a, b)) }, checkpoint.config);
  const outputs = await measureOutputs(graph, texts, threads);
  return Math.max(...[...outputs.values()].map(([size]) => size!));
}

const largestSize = (x: Value, axes: readonly number[]) => sqrt(neg(reduceMin(neg(mul(x, x)), axes, 0)));

/** The largest that each element of each output gets, over all texts. */
async function measureOutputs(graph: Graph, texts: Texts, threads: number): Promise<Map<string, Float32Array>> {
  const session = await createSession(encodeModel(graph, producer), { threads, optimization: "basic" });
  const largest = new Map<string, Float32Array>();
  for (const ids of texts) {
    const tensor = (data: BigInt64Array) => ({ dtype: "int64" as const, shape: [1, ids.length], data });
    const outputs = await session.run({
      input_ids: tensor(BigInt64Array.from(ids, BigInt)),
      attention_mask: tensor(new BigInt64Array(ids.length).fill(1n)),
      token_type_ids: tensor(new BigInt64Array(ids.length)),
    });
    for (const [name, { data }] of Object.entries(outputs)) {
      const before = largest.get(name);
      largest.set(
        name,
        (data as Float32Array).map((size, i) => Math.max(size, before?.[i] ?? 0)),
      );
    }
  }
  await session.close();
  return largest;
}
