import type { BertConfig } from "./config.js";
import { families, meanHead, tablesOf } from "./families.js";

/** A trained tensor. Names are those of transformers' classifiers. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** Weight decay applies to matrices and tables, not to biases and LayerNorms. */
  readonly decayed: boolean;
  /** How it is initialized if a pretrained base lacks it. Only heads may be missing. */
  readonly drawn?: "normal" | "zeros" | "ones";
  /** Its encoder layer, from 0. Embeddings have -1, the head the number of layers. */
  readonly layer: number;
}

/** Every parameter of the model, in the order of its forward pass. Weights of linear layers are [out, in]. */
export function listParameters({ family, head, ...config }: BertConfig): readonly Parameter[] {
  const { hidden, intermediate, embedding } = config;
  const { layers: prefix, layer, relativeBias, head: stockHead } = families[family];
  const tables = tablesOf(family);
  const embeddings = [
    matrix(tables.word, config.vocabulary, embedding),
    matrix(tables.position, config.firstPosition + config.positions, embedding),
    ...(tables.tokenType ? [matrix(tables.tokenType, config.tokenTypes, embedding)] : []),
    ...layerNorm(`${family}.embeddings.LayerNorm`, embedding),
    ...(embedding === hidden ? [] : linear(`${family}.embeddings_project`, hidden, embedding)),
    ...(relativeBias ? [{ name: relativeBias, shape: [config.buckets, config.heads], decayed: false }] : []),
  ];
  const layers = Array.from({ length: config.layers }, (_, i) => {
    const name = (part: keyof typeof layer) => `${prefix}.${i}.${layer[part]}`;
    return [
      ...linear(name("query"), hidden, hidden),
      ...linear(name("key"), hidden, hidden),
      ...linear(name("value"), hidden, hidden),
      ...linear(name("attentionOutput"), hidden, hidden),
      ...layerNorm(name("attentionNorm"), hidden),
      ...linear(name("ffnUp"), intermediate, hidden),
      ...linear(name("ffnDown"), hidden, intermediate),
      ...layerNorm(name("ffnNorm"), hidden),
    ];
  });
  const top =
    head === "mean"
      ? [...layerNorm(meanHead.norm, hidden), ...linear(meanHead.linear, 1, hidden)]
      : [...linear(stockHead.dense, hidden, hidden), ...linear(stockHead.out, 1, hidden)];
  return [embeddings, ...layers, top.map(draw)].flatMap((parameters, i) => parameters.map((one) => ({ ...one, layer: i - 1 })));
}

type Unplaced = Omit<Parameter, "layer">;
const matrix = (name: string, ...shape: number[]): Unplaced => ({ name, shape, decayed: true });
const vector = (name: string, width: number): Unplaced => ({ name, shape: [width], decayed: false });
const linear = (name: string, out: number, inner: number) => [matrix(`${name}.weight`, out, inner), vector(`${name}.bias`, out)];
const layerNorm = (name: string, width: number) => [vector(`${name}.weight`, width), vector(`${name}.bias`, width)];

/** As transformers initializes new parameters: matrices from a normal distribution, biases 0, scales of LayerNorms 1. */
export const drawnAs = ({ decayed, name }: Unplaced) => (decayed ? "normal" : name.endsWith(".bias") ? "zeros" : "ones");

const draw = (parameter: Unplaced): Unplaced => ({ ...parameter, drawn: drawnAs(parameter) });

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
