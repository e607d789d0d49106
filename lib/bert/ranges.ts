import { addOutput, createGraph } from "../onnx/graph.js";
import { encodeModel } from "../onnx/model.js";
import { mul, neg, reduceMin, sqrt } from "../onnx/ops.js";
import { createSession } from "../onnx/session.js";
import { producer } from "../producer.js";
import type { Checkpoint } from "./checkpoint.js";
import { fusedKernels } from "./fused.js";
import { fp32Linear } from "./linear.js";
import { scoreTexts } from "./model.js";
import { isQuantized } from "./precisions.js";

/** For each quantized linear layer, by name, the largest size that each channel of its input reaches. */
export type Ranges = ReadonlyMap<string, Float32Array>;

/** Runs the model in float32 on some texts and notes the ranges. Blocks the thread. @param texts token ids */
export async function measureRanges(checkpoint: Checkpoint, texts: readonly (readonly number[])[], threads: number): Promise<Ranges> {
  const session = await createSession(buildRangeGraph(checkpoint), { threads, optimization: "basic" });
  const ranges = new Map<string, Float32Array>();
  for (const ids of texts) {
    const tensor = (data: BigInt64Array) => ({ dtype: "int64" as const, shape: [1, ids.length], data });
    const outputs = await session.run({
      input_ids: tensor(BigInt64Array.from(ids, BigInt)),
      attention_mask: tensor(new BigInt64Array(ids.length).fill(1n)),
      token_type_ids: tensor(new BigInt64Array(ids.length)),
    });
    for (const [name, { data }] of Object.entries(outputs)) {
      const range = ranges.get(name);
      ranges.set(
        name,
        (data as Float32Array).map((size, i) => Math.max(size, range?.[i] ?? 0)),
      );
    }
  }
  await session.close();
  return ranges;
}

/** The float32 graph, with a text's ranges for outputs. */
function buildRangeGraph(checkpoint: Checkpoint): Uint8Array {
  const graph = createGraph("ranges");
  const linear = fp32Linear(graph, checkpoint);
  const kernels = fusedKernels(graph, checkpoint, (x, name) => {
    if (isQuantized(name, checkpoint.config.layers)) addOutput(graph, name, sqrt(neg(reduceMin(neg(mul(x, x)), [0, 1], 0))));
    return linear(x, name);
  });
  scoreTexts(kernels, checkpoint.config);
  return encodeModel(graph, producer);
}
