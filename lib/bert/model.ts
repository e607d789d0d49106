import type { Value } from "../onnx/graph.js";
import type { BertConfig } from "./config.js";

/**
 * The layers of which the model is made, each given its parameters' name. One set builds the graph that is trained, others the graphs
 * that serve; how activations are laid out is theirs to choose.
 */
export interface Kernels {
  /** The sum of word, position and token type rows. */
  embed(): Value;
  linear(x: Value, name: string): Value;
  layerNorm(x: Value, name: string): Value;
  /** Multi-head attention of `query` rows over all rows of their text; padding is never attended to. */
  attention(query: Value, key: Value, value: Value): Value;
  gelu(x: Value): Value;
  tanh(x: Value): Value;
  add(a: Value, b: Value): Value;
  /** The row of [CLS] of each text. */
  firstToken(x: Value): Value;
  /** Zeroes a share of x while training. */
  dropout(x: Value): Value;
}

/**
 * BertForSequenceClassification with one label (Devlin et al. 2019; names as in transformers): one score a text.
 * The pooler reads [CLS] alone, so the last layer computes nothing else: exact, and nearly a layer's arithmetic less.
 */
export function scoreTexts(k: Kernels, config: BertConfig): Value {
  let x = k.dropout(k.layerNorm(k.embed(), "bert.embeddings.LayerNorm"));
  for (let i = 0; i < config.layers; i++) {
    x = encoderLayer(k, x, i === config.layers - 1 ? k.firstToken(x) : x, `bert.encoder.layer.${i}`);
  }
  const pooled = k.tanh(k.linear(x, "bert.pooler.dense"));
  return k.linear(k.dropout(pooled), "classifier");
}

/** One transformer layer; `rows` are those of x whose output is wanted. */
function encoderLayer(k: Kernels, x: Value, rows: Value, name: string): Value {
  const self = `${name}.attention.self`;
  const attended = k.attention(k.linear(rows, `${self}.query`), k.linear(x, `${self}.key`), k.linear(x, `${self}.value`));
  const y = k.layerNorm(k.add(k.dropout(k.linear(attended, `${name}.attention.output.dense`)), rows), `${name}.attention.output.LayerNorm`);
  const widened = k.gelu(k.linear(y, `${name}.intermediate.dense`));
  return k.layerNorm(k.add(k.dropout(k.linear(widened, `${name}.output.dense`)), y), `${name}.output.LayerNorm`);
}
