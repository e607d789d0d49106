import { addConstant, type Value } from "../onnx/graph.js";
import { add, cast, first, matmul, mul, reshape, softmax, sub, transpose } from "../onnx/ops.js";
import type { Checkpoint } from "./checkpoint.js";
import type { AttentionLayers } from "./kernels.js";
import { transposeMatrix } from "./quantize.js";

/** What attention adds to its logits. */
interface AttentionBias {
  /** int32 [batch, sequence]: 0 at padding. */
  readonly mask: Value;
  /** [batch, heads, sequence, sequence], by token distance. */
  readonly relative: Value | undefined;
}

/** Far above any logit, so that exp(logit - masked) is exactly 0, and finite in float16. */
const masked = 3e4;

/**
 * Attention of one row of each text, without projecting the text's rows to keys and values: q (x K)' = (q K') x' and p (x V) = (p x) V.
 * So the key weights multiply the query, and the value weights multiply the weighted mean of the rows. The keys' bias adds the same to
 * every logit, so it cancels in the softmax.
 * @param query [batch, 1, hidden], projected
 * @param x [batch, sequence, hidden]
 * @returns [batch, 1, hidden]
 */
export function attendSingleQuery(checkpoint: Checkpoint, query: Value, x: Value, layers: AttentionLayers, bias: AttentionBias): Value {
  const { config, weights } = checkpoint;
  const { heads, hidden: size } = config;
  const width = size / heads;
  const { graph } = x;
  const tensor = (name: string) => weights.get(name)!.data;
  const scaled = tensor(`${layers.key}.weight`).map((weight) => weight / Math.sqrt(width));
  const keys = addConstant(graph, "float32", [heads, width, size], scaled, `${layers.key}.weight`);
  const values = addConstant(graph, "float32", [heads, size, width], transposeHeads(tensor(`${layers.value}.weight`), heads, width, size));
  const projected = reshape(matmul(reshape(query, ["batch", heads, 1, width]), keys), ["batch", heads, size]);
  const logits = transpose(matmul(x, transpose(projected, [0, 2, 1])), [0, 2, 1]);
  const visible = add(logits, reshape(mul(sub(cast(bias.mask, "float32"), 1), masked), ["batch", 1, "sequence"]));
  const biased = bias.relative ? add(visible, reshape(first(bias.relative, 2, 1), ["batch", heads, "sequence"])) : visible;
  const means = reshape(matmul(softmax(biased), x), ["batch", heads, 1, size]);
  const attended = reshape(matmul(means, values), ["batch", 1, size]);
  return add(attended, addConstant(graph, "float32", [size], tensor(`${layers.value}.bias`), `${layers.value}.bias`));
}

/** [heads * width, size] -> [heads, size, width] */
function transposeHeads(weight: Float32Array, heads: number, width: number, size: number): Float32Array {
  const part = width * size;
  const out = new Float32Array(weight.length);
  for (let head = 0; head < heads; head++)
    out.set(transposeMatrix(weight.subarray(head * part, (head + 1) * part), width, size), head * part);
  return out;
}
