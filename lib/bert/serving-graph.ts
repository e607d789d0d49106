import { addOutput, createGraph } from "../onnx/graph.js";
import { halveGraph } from "../onnx/half-graph.js";
import { encodeModel } from "../onnx/model-file.js";
import { reshape } from "../onnx/ops.js";
import { producer } from "../system/producer.js";
import type { Checkpoint } from "./checkpoint.js";
import { families, meanHead } from "./families.js";
import { scoreTexts } from "./forward.js";
import { fusedKernels } from "./fused.js";
import { fp32Linear, int8Linear } from "./linear.js";
import { numbersOf, type Precision } from "./precisions.js";
import type { Ranges } from "./quantize.js";

/**
 * The ONNX file that serves a checkpoint: input_ids, attention_mask, token_type_ids (int64 [batch, sequence]) -> logits (float32 [batch, 1]).
 * The graph is built fused: load it with graph optimization "basic".
 * @param ranges for smoothing, which makes integers more accurate
 */
export function buildServingGraph(checkpoint: Checkpoint, precision: Precision, ranges?: Ranges): Uint8Array {
  const { floats, largest, exact } = numbersOf(precision);
  const graph = createGraph(`readability_${precision}`);
  const linear = largest === undefined ? fp32Linear(graph, checkpoint) : int8Linear(graph, checkpoint, { largest, exact }, ranges);
  addOutput(graph, "logits", reshape(scoreTexts(fusedKernels(graph, checkpoint, linear), checkpoint.config), ["batch", 1]));
  return encodeModel(floats === "float16" ? halveGraph(graph, isOfHead(checkpoint)) : graph, producer);
}

/** The head, which is small, stays in float32: float16 would round a score to a 500th. */
function isOfHead({ config }: Checkpoint): (constant: string) => boolean {
  const { dense, out } = families[config.family].head;
  const names = config.head === "cls" ? [dense, out] : Object.values(meanHead);
  return (constant) => names.some((name) => constant.startsWith(`${name}.`));
}
