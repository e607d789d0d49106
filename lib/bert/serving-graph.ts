import { addOutput, createGraph, type Graph } from "../onnx/graph.js";
import { encodeModel } from "../onnx/model.js";
import { reshape } from "../onnx/ops.js";
import { producer } from "../producer.js";
import type { Checkpoint } from "./checkpoint.js";
import { fusedKernels, type Linear } from "./fused.js";
import { fp32Linear, int8Linear } from "./linear.js";
import { scoreTexts } from "./model.js";
import type { Ranges } from "./ranges.js";

/** int7 is int8 with weights of 7 bits: on x86 processors without VNNI or AMX, sums of two 8-bit products overflow 16 bits. */
export type Precision = "fp32" | "int8" | "int7";

const linears: { readonly [precision in Precision]: (graph: Graph, checkpoint: Checkpoint, ranges?: Ranges) => Linear } = {
  fp32: fp32Linear,
  int8: (graph, checkpoint, ranges) => int8Linear(graph, checkpoint, 127, ranges),
  int7: (graph, checkpoint, ranges) => int8Linear(graph, checkpoint, 63, ranges),
};

/**
 * The ONNX file that serves a checkpoint: input_ids, attention_mask, token_type_ids (int64 [batch, sequence]) -> logits (float32 [batch, 1]).
 * It is built fused: load it with graph optimization "basic".
 * @param ranges make int8 more accurate
 */
export function buildServingGraph(checkpoint: Checkpoint, precision: Precision, ranges?: Ranges): Uint8Array {
  const graph = createGraph(`readability_${precision}`);
  const kernels = fusedKernels(graph, checkpoint, linears[precision](graph, checkpoint, ranges));
  addOutput(graph, "logits", reshape(scoreTexts(kernels, checkpoint.config), ["batch", 1]));
  return encodeModel(graph, producer);
}
