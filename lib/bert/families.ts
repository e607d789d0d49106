/** Supported families, by transformers' model_type. The names of their parameters begin with it. */
export const familyNames = ["bert", "distilbert", "roberta", "electra", "mpnet"] as const;

export type FamilyName = (typeof familyNames)[number];

/** Names of a layer's parts, which follow the layer's own name. */
export interface LayerNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly attentionOutput: string;
  readonly attentionNorm: string;
  readonly ffnUp: string;
  readonly ffnDown: string;
  readonly ffnNorm: string;
}

/** How a family differs from the others, as in transformers' models of these names. forward.ts is common to all. */
export interface Family {
  /** The first part of transformers' class names: BertModel, BertForSequenceClassification. */
  readonly architecture: string;
  /** A layer's name without its number. */
  readonly layers: string;
  readonly layer: LayerNames;
  readonly tokenTypes: boolean;
  /** The position of a text's first token. If it is not 0, padding has the position before it. */
  readonly firstPosition: (padId: number) => number;
  /** pad_token_id where config.json has none. */
  readonly padId: number;
  /** The table of biases that attention adds to its logits by token distance, shared by all layers. */
  readonly relativeBias?: string;
  /** Whether dropout applies to the output of attention. */
  readonly dropsAttention: boolean;
  /** transformers' head, on [CLS]: linear, activation, linear. */
  readonly head: {
    readonly dense: string;
    readonly activation: "tanh" | "relu" | "gelu";
    readonly out: string;
    /** Whether dropout applies to its input. */
    readonly dropsInput: boolean;
  };
}

const bertLayer: LayerNames = {
  query: "attention.self.query",
  key: "attention.self.key",
  value: "attention.self.value",
  attentionOutput: "attention.output.dense",
  attentionNorm: "attention.output.LayerNorm",
  ffnUp: "intermediate.dense",
  ffnDown: "output.dense",
  ffnNorm: "output.LayerNorm",
};

const robertaHead = { dense: "classifier.dense", activation: "tanh", out: "classifier.out_proj", dropsInput: true } as const;

/** What most families share with BERT. */
const usual = { layer: bertLayer, tokenTypes: true, firstPosition: () => 0, padId: 0, dropsAttention: true } as const;

export const families: { readonly [name in FamilyName]: Family } = {
  /** Devlin et al. 2019 */
  bert: {
    ...usual,
    architecture: "Bert",
    layers: "bert.encoder.layer",
    head: { dense: "bert.pooler.dense", activation: "tanh", out: "classifier", dropsInput: false },
  },
  /** Sanh et al. 2019 */
  distilbert: {
    ...usual,
    architecture: "DistilBert",
    layers: "distilbert.transformer.layer",
    layer: {
      query: "attention.q_lin",
      key: "attention.k_lin",
      value: "attention.v_lin",
      attentionOutput: "attention.out_lin",
      attentionNorm: "sa_layer_norm",
      ffnUp: "ffn.lin1",
      ffnDown: "ffn.lin2",
      ffnNorm: "output_layer_norm",
    },
    tokenTypes: false,
    dropsAttention: false,
    head: { dense: "pre_classifier", activation: "relu", out: "classifier", dropsInput: false },
  },
  /** Liu et al. 2019 */
  roberta: {
    ...usual,
    architecture: "Roberta",
    layers: "roberta.encoder.layer",
    firstPosition: (padId) => padId + 1,
    padId: 1,
    head: robertaHead,
  },
  /** Clark et al. 2020; its embeddings may be narrower than its layers */
  electra: { ...usual, architecture: "Electra", layers: "electra.encoder.layer", head: { ...robertaHead, activation: "gelu" } },
  /** Song et al. 2020 */
  mpnet: {
    ...usual,
    architecture: "MPNet",
    layers: "mpnet.encoder.layer",
    layer: {
      ...bertLayer,
      query: "attention.attn.q",
      key: "attention.attn.k",
      value: "attention.attn.v",
      attentionOutput: "attention.attn.o",
      attentionNorm: "attention.LayerNorm",
    },
    tokenTypes: false,
    firstPosition: () => 2, // whatever pad_token_id says
    padId: 1,
    relativeBias: "mpnet.encoder.relative_attention_bias.weight",
    head: robertaHead,
  },
};

/** Names of the embedding tables. */
export function tablesOf(name: FamilyName): { readonly word: string; readonly position: string; readonly tokenType: string | undefined } {
  const table = (of: string) => `${name}.embeddings.${of}_embeddings.weight`;
  return {
    word: table("word"),
    position: table("position"),
    tokenType: families[name].tokenTypes ? table("token_type") : undefined,
  };
}

/** Our own head: LayerNorm and linear on the mean of a text's tokens. */
export const meanHead = { norm: "head.norm", linear: "head.linear" } as const;
