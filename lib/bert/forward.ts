import type { Value } from "../onnx/graph.js";
import type { BertConfig } from "./config.js";
import { type Family, families, meanHead } from "./families.js";

/**
 * The layers of which the model is made, each given its parameters' name. One set builds the graph that is trained, others the graphs
 * that serve; how activations are laid out is theirs to choose.
 */
export interface Kernels {
  /** The sum of word, position and token type rows. */
  embed(): Value;
  linear(x: Value, name: string): Value;
  layerNorm(x: Value, name: string): Value;
  /** What a table of relative positions adds to the logits of attention: [heads, sequence, sequence] after any dimensions of 1. */
  relativeBias(name: string): Value;
  /** Multi-head attention of `rows` over all rows `x` of their text, by the linear layers named; padding is never attended to. */
  attention(rows: Value, x: Value, layers: AttentionLayers, bias: Value | undefined): Value;
  gelu(x: Value): Value;
  relu(x: Value): Value;
  tanh(x: Value): Value;
  add(a: Value, b: Value): Value;
  /** The row of [CLS] of each text. */
  firstToken(x: Value): Value;
  /** The mean of each text's rows, without padding. */
  meanToken(x: Value): Value;
  /** Zeroes a share of x while training. */
  dropout(x: Value): Value;
}

/** Names of the linear layers before attention. */
export interface AttentionLayers {
  readonly query: string;
  readonly key: string;
  readonly value: string;
}

/**
 * transformers' ForSequenceClassification with one label, of any family: one score a text.
 * Its head reads [CLS] alone, so the last layer computes nothing else: exact, and nearly a layer's arithmetic less.
 */
export function scoreTexts(k: Kernels, config: BertConfig): Value {
  const family = families[config.family];
  let x = k.dropout(k.layerNorm(k.embed(), `${config.family}.embeddings.LayerNorm`));
  if (config.embedding !== config.hidden) x = k.linear(x, `${config.family}.embeddings_project`);
  const bias = family.relativeBias === undefined ? undefined : k.relativeBias(family.relativeBias);
  for (let i = 0; i < config.layers; i++) {
    const rows = config.head === "cls" && i === config.layers - 1 ? k.firstToken(x) : x;
    x = encoderLayer(k, family, x, rows, `${family.layers}.${i}`, bias);
  }
  return heads[config.head](k, x, family);
}

/** One transformer layer; `rows` are those of x whose output is wanted. */
function encoderLayer(k: Kernels, { layer, dropsAttended }: Family, x: Value, rows: Value, name: string, bias: Value | undefined): Value {
  const layerOf = (part: keyof typeof layer) => `${name}.${layer[part]}`;
  const linear = (x: Value, part: keyof typeof layer) => k.linear(x, layerOf(part));
  const layers = { query: layerOf("query"), key: layerOf("key"), value: layerOf("value") };
  const attended = linear(k.attention(rows, x, layers, bias), "attended");
  const y = k.layerNorm(k.add(dropsAttended ? k.dropout(attended) : attended, rows), layerOf("attentionNorm"));
  const narrowed = linear(k.gelu(linear(y, "widen")), "narrow");
  return k.layerNorm(k.add(k.dropout(narrowed), y), layerOf("outputNorm"));
}

/** From the rows of the last layer to the scores. */
const heads: { readonly [head in BertConfig["head"]]: (k: Kernels, x: Value, family: Family) => Value } = {
  cls(k, x, { head }) {
    const pooled = k[head.activation](k.linear(head.dropsInput ? k.dropout(x) : x, head.dense));
    return k.linear(k.dropout(pooled), head.out);
  },
  mean: (k, x) => k.linear(k.dropout(k.layerNorm(k.meanToken(x), meanHead.norm)), meanHead.linear),
};
