import type { Value } from "../onnx/graph.js";
import type { BertConfig } from "./config.js";
import { type Family, families, type LayerNames, meanHead } from "./families.js";
import type { Kernels } from "./kernels.js";

/**
 * The score of each text by a model of any family: Devlin et al. 2019, with transformers' ForSequenceClassification head of one label.
 * That head reads only [CLS], so the last layer computes only that row: the result is exact, and nearly a layer's arithmetic is saved.
 */
export function scoreTexts(k: Kernels, config: BertConfig): Value {
  const family = families[config.family];
  let x = k.dropout(k.layerNorm(k.embed(), `${config.family}.embeddings.LayerNorm`));
  if (config.embedding !== config.hidden) x = k.linear(x, `${config.family}.embeddings_project`);
  const bias = family.relativeBias === undefined ? undefined : k.relativeBias(family.relativeBias);
  for (let i = 0; i < config.layers; i++) {
    const rows = config.head === "cls" && i === config.layers - 1 ? k.firstToken(x) : x;
    x = encoderLayer(k, family, `${family.layers}.${i}`, x, rows, bias);
  }
  return heads[config.head](k, x, family);
}

/** A transformer layer (Vaswani et al. 2017): attention, then a feed-forward network. @param rows those of x to compute */
function encoderLayer(k: Kernels, { layer, dropsAttention }: Family, name: string, x: Value, rows: Value, bias: Value | undefined): Value {
  const nameOf = (part: keyof LayerNames) => `${name}.${layer[part]}`;
  const linear = (x: Value, part: keyof LayerNames) => k.linear(x, nameOf(part));
  const projections = { query: nameOf("query"), key: nameOf("key"), value: nameOf("value") };
  const attention = linear(k.attention(rows, x, projections, bias), "attentionOutput");
  const y = k.layerNorm(k.add(dropsAttention ? k.dropout(attention) : attention, rows), nameOf("attentionNorm"));
  const ffn = linear(k.gelu(linear(y, "ffnUp")), "ffnDown");
  return k.layerNorm(k.add(k.dropout(ffn), y), nameOf("ffnNorm"));
}

/** From the last layer's rows to the scores. */
const heads: { readonly [head in BertConfig["head"]]: (k: Kernels, x: Value, family: Family) => Value } = {
  cls(k, x, { head }) {
    const pooled = k[head.activation](k.linear(head.dropsInput ? k.dropout(x) : x, head.dense));
    return k.linear(k.dropout(pooled), head.out);
  },
  mean: (k, x) => k.linear(k.dropout(k.layerNorm(k.meanToken(x), meanHead.norm)), meanHead.linear),
};
