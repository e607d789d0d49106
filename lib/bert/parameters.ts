import type { BertConfig } from "./config.js";

/** A trained tensor; names are those of transformers' BertForSequenceClassification. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** Weight decay applies to matrices and tables, not to biases and LayerNorms. */
  readonly decayed: boolean;
  /** May be missing from a pretrained base, and is then drawn anew: the pooler and the classifier. */
  readonly head: boolean;
  /** Its encoder layer, from 0; -1 for what lies below them, the number of layers for what lies above. */
  readonly layer: number;
}

/** Names of the tables that rows are looked up in. */
export const tables = {
  word: "bert.embeddings.word_embeddings.weight",
  position: "bert.embeddings.position_embeddings.weight",
  tokenType: "bert.embeddings.token_type_embeddings.weight",
} as const;

/** Every parameter of the model, in the order of its forward pass. Weights of linear layers are [out, in]. */
export function listParameters(config: BertConfig): readonly Parameter[] {
  const { hidden, intermediate } = config;
  const matrix = (name: string, ...shape: number[]) => ({ name, shape, decayed: true, head: isHead(name) });
  const vector = (name: string, width: number) => ({ name, shape: [width], decayed: false, head: isHead(name) });
  const linear = (name: string, out: number, inner: number) => [matrix(`${name}.weight`, out, inner), vector(`${name}.bias`, out)];
  const layerNorm = (name: string) => [vector(`${name}.weight`, hidden), vector(`${name}.bias`, hidden)];
  const layer = (name: string) => [
    ...linear(`${name}.attention.self.query`, hidden, hidden),
    ...linear(`${name}.attention.self.key`, hidden, hidden),
    ...linear(`${name}.attention.self.value`, hidden, hidden),
    ...linear(`${name}.attention.output.dense`, hidden, hidden),
    ...layerNorm(`${name}.attention.output.LayerNorm`),
    ...linear(`${name}.intermediate.dense`, intermediate, hidden),
    ...linear(`${name}.output.dense`, hidden, intermediate),
    ...layerNorm(`${name}.output.LayerNorm`),
  ];
  const embeddings = [
    matrix(tables.word, config.vocabulary, hidden),
    matrix(tables.position, config.positions, hidden),
    matrix(tables.tokenType, config.tokenTypes, hidden),
    ...layerNorm("bert.embeddings.LayerNorm"),
  ];
  const layers = Array.from({ length: config.layers }, (_, i) => layer(`bert.encoder.layer.${i}`));
  const head = [...linear("bert.pooler.dense", hidden, hidden), ...linear("classifier", 1, hidden)];
  return [embeddings, ...layers, head].flatMap((parameters, i) => parameters.map((parameter) => ({ ...parameter, layer: i - 1 })));
}

const isHead = (name: string) => name.startsWith("bert.pooler.") || name.startsWith("classifier.");

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
