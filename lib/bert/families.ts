/** Families whose checkpoints can be read, by transformers' model_type, which is also the first part of their parameters' names. */
export const familyNames = ["bert", "distilbert", "roberta", "electra", "mpnet"] as const;

export type FamilyName = (typeof familyNames)[number];

/** Names of a layer's parts, below the layer's own. */
export interface LayerNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly attended: string;
  readonly attentionNorm: string;
  readonly widen: string;
  readonly narrow: string;
  readonly outputNorm: string;
}

/** What a family does in its own way; the rest is lib/bert/forward.ts. As in transformers' models of these names. */
export interface Family {
  /** Of transformers' classes: BertModel, BertForSequenceClassification. */
  readonly architecture: string;
  /** A layer's name is this and its number. */
  readonly layers: string;
  readonly layer: LayerNames;
  readonly tokenTypes: boolean;
  /** The position of a text's first token. Where it is not 0, the one before it is that of padding. */
  readonly firstPosition: (padId: number) => number;
  /** pad_token_id where config.json has none. */
  readonly padId: number;
  /** The table of what is added to the attention of tokens by their distance, the same in all layers. */
  readonly relativeBias?: string;
  /** Whether what attention puts out is subject to dropout. */
  readonly dropsAttended: boolean;
  /** transformers' head, on [CLS]: linear, activation, linear. */
  readonly head: {
    readonly dense: string;
    readonly activation: "tanh" | "relu" | "gelu";
    readonly out: string;
    /** Whether what the first of them reads is subject to dropout. */
    readonly dropsInput: boolean;
  };
}

const bertLayer: LayerNames = {
  query: "attention.self.query",
  key: "attention.self.key",
  value: "attention.self.value",
  attended: "attention.output.dense",
  attentionNorm: "attention.output.LayerNorm",
  widen: "intermediate.dense",
  narrow: "output.dense",
  outputNorm: "output.LayerNorm",
};

const robertaHead = { dense: "classifier.dense", activation: "tanh", out: "classifier.out_proj", dropsInput: true } as const;

export const families: { readonly [name in FamilyName]: Family } = {
  /** Devlin et al. 2019 */
  bert: {
    architecture: "Bert",
    layers: "bert.encoder.layer",
    layer: bertLayer,
    tokenTypes: true,
    firstPosition: () => 0,
    padId: 0,
    dropsAttended: true,
    head: { dense: "bert.pooler.dense", activation: "tanh", out: "classifier", dropsInput: false },
  },
  /** Sanh et al. 2019 */
  distilbert: {
    architecture: "DistilBert",
    layers: "distilbert.transformer.layer",
    layer: {
      query: "attention.q_lin",
      key: "attention.k_lin",
      value: "attention.v_lin",
      attended: "attention.out_lin",
      attentionNorm: "sa_layer_norm",
      widen: "ffn.lin1",
      narrow: "ffn.lin2",
      outputNorm: "output_layer_norm",
    },
    tokenTypes: false,
    firstPosition: () => 0,
    padId: 0,
    dropsAttended: false,
    head: { dense: "pre_classifier", activation: "relu", out: "classifier", dropsInput: false },
  },
  /** Liu et al. 2019 */
  roberta: {
    architecture: "Roberta",
    layers: "roberta.encoder.layer",
    layer: bertLayer,
    tokenTypes: true,
    firstPosition: (padId) => padId + 1,
    padId: 1,
    dropsAttended: true,
    head: robertaHead,
  },
  /** Clark et al. 2020; rows of its tables may be narrower than its layers */
  electra: {
    architecture: "Electra",
    layers: "electra.encoder.layer",
    layer: bertLayer,
    tokenTypes: true,
    firstPosition: () => 0,
    padId: 0,
    dropsAttended: true,
    head: { ...robertaHead, activation: "gelu" },
  },
  /** Song et al. 2020 */
  mpnet: {
    architecture: "MPNet",
    layers: "mpnet.encoder.layer",
    layer: {
      ...bertLayer,
      query: "attention.attn.q",
      key: "attention.attn.k",
      value: "attention.attn.v",
      attended: "attention.attn.o",
      attentionNorm: "attention.LayerNorm",
    },
    tokenTypes: false,
    firstPosition: () => 2, // whatever pad_token_id says
    padId: 1,
    relativeBias: "mpnet.encoder.relative_attention_bias.weight",
    dropsAttended: true,
    head: robertaHead,
  },
};

/** Names of the tables that rows are looked up in. */
export function tablesOf(name: FamilyName): { readonly word: string; readonly position: string; readonly tokenType: string | undefined } {
  const table = (of: string) => `${name}.embeddings.${of}_embeddings.weight`;
  return {
    word: table("word"),
    position: table("position"),
    tokenType: families[name].tokenTypes ? table("token_type") : undefined,
  };
}

/** The head beside transformers' own: LayerNorm and linear on the mean of a text's tokens. */
export const meanHead = { norm: "head.norm", linear: "head.linear" } as const;
