import { addOutput, createGraph, type Graph, type Value } from "../onnx/graph.js";
import { encodeModel } from "../onnx/model-file.js";
import { abs, reduceMax } from "../onnx/ops.js";
import { createSession } from "../onnx/session.js";
import { producer } from "../system/producer.js";
import type { Checkpoint } from "./checkpoint.js";
import { scoreTexts } from "./forward.js";
import { fusedKernels } from "./fused.js";
import { fp32Linear } from "./linear.js";
import { isQuantized } from "./precisions.js";
import type { Ranges } from "./quantize.js";

type Texts = readonly (readonly number[])[];

/** Measures the ranges of the model in float32 on some texts. Blocks the thread. @param texts token ids */
export async function measureRanges(checkpoint: Checkpoint, texts: Texts, threads: number): Promise<Ranges> {
  const graph = createGraph("ranges");
  const linear = fp32Linear(graph, checkpoint);
  const kernels = fusedKernels(graph, checkpoint, (x, name) => {
    if (isQuantized(name, checkpoint.config.layers)) addOutput(graph, name, reduceMax(abs(x), [0, 1], 0));
    return linear(x, name);
  });
  scoreTexts(kernels, checkpoint.config);
  return measureOutputs(graph, texts, threads);
}

/** The largest absolute value that a linear layer or a sum computes for some texts, in float32. Blocks the thread. @param texts token ids */
export async function measurePeak(checkpoint: Checkpoint, texts: Texts, threads: number): Promise<number> {
  const graph = createGraph("peak");
  const linear = fp32Linear(graph, checkpoint);
  const record = (value: Value) => {
    addOutput(graph, `peak_${graph.outputs.length}`, reduceMax(abs(value), [...value.shape.keys()], 0));
    return value;
  };
  const kernels = fusedKernels(graph, checkpoint, (x, name) => record(linear(x, name)));
  scoreTexts({ ...kernels, add: (a, b) => record(kernels.add(a, b)) }, checkpoint.config);
  const outputs = await measureOutputs(graph, texts, threads);
  return Math.max(...[...outputs.values()].map(([size]) => size!));
}

/** The largest value of each element of each output, over all texts. */
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
