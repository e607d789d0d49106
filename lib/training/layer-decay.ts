import type { Parameter } from "../bert/parameters.js";

/**
 * A parameter's share of the learning rate: 1 for the head, and `decay` times that of the layer above for each layer below. The embeddings
 * learn slowest. Discriminative fine-tuning (Howard & Ruder 2018), applied to the layers of a transformer as by Clark et al. 2020 (ELECTRA).
 * @param layers the model's number of encoder layers
 */
export function layerShare({ layer }: Pick<Parameter, "layer">, layers: number, decay: number): number {
  return decay ** (layers - layer);
}
