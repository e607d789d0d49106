import type { Parameter } from "../bert/parameters.js";

/**
 * The share of the learning rate that a parameter gets: the head's is whole, each layer down learns more slowly by `decay`, the
 * embeddings the slowest. Discriminative fine-tuning of Howard & Ruder 2018, by layers of a transformer as Clark et al. 2020 (ELECTRA).
 * @param layers how many encoder layers the model has
 */
export function layerShare({ layer }: Pick<Parameter, "layer">, layers: number, decay: number): number {
  return decay ** (layers - layer);
}
