import type { Value } from "../onnx/graph.js";
import type { LayerNames } from "./families.js";

/**
 * The operations of the model; those with weights take the name of their parameters. One implementation builds the training graph
 * (plain.ts), another the serving graphs (fused.ts). Each has its own layout of activations.
 */
export interface Kernels {
  /** The sum of word, position and token type embeddings. */
  embed(): Value;
  linear: Linear;
  layerNorm(x: Value, name: string): Value;
  /** The bias that a table of relative positions adds to the logits of attention: [heads, sequence, sequence], perhaps after batch dimensions. */
  relativeBias(name: string): Value;
  /** Multi-head attention of the rows `queries` to all rows `x` of their text, before the output projection. Padding is masked. */
  attention(queries: Value, x: Value, layers: AttentionLayers, bias: Value | undefined): Value;
  gelu(x: Value): Value;
  relu(x: Value): Value;
  tanh(x: Value): Value;
  add(a: Value, b: Value): Value;
  /** The row of [CLS] of each text. */
  firstToken(x: Value): Value;
  /** The mean of each text's rows, without padding. */
  meanToken(x: Value): Value;
  /** Zeroes a share of x in training. */
  dropout(x: Value): Value;
}

/** x times a layer's transposed weight, plus its bias. */
export type Linear = (x: Value, name: string) => Value;

/** Names of the linear layers that project to queries, keys and values. */
export type AttentionLayers = Pick<LayerNames, "query" | "key" | "value">;
