import { fail } from "../errors/errors.js";
import { type Checkpoint, drawParameter } from "./checkpoint.js";
import { families } from "./families.js";
import { drawnAs, listParameters } from "./parameters.js";

/**
 * A model of some of a checkpoint's encoder layers, in this order, with the embeddings and the head: how DistilBERT was initialized (Sanh et
 * al. 2019).
 * @param layers counted from 0, the lowest
 * @throws no-layer
 */
export function takeLayers(checkpoint: Checkpoint, layers: readonly number[]): Checkpoint {
  const { config, weights, folder } = checkpoint;
  const missing = layers.find((layer) => layer >= config.layers);
  if (missing !== undefined) fail("no-layer", { folder, layer: missing, last: config.layers - 1 });
  const { layers: prefix } = families[config.family];
  const count = config.family === "distilbert" ? "n_layers" : "num_hidden_layers";
  const source = { ...config.source, [count]: layers.length };
  const student = { ...config, layers: layers.length, source };
  const nameInTeacher = (name: string, layer: number) => name.replace(`${prefix}.${layer}.`, `${prefix}.${layers[layer]}.`);
  return {
    folder,
    config: student,
    weights: new Map(listParameters(student).map(({ name, layer }) => [name, weights.get(nameInTeacher(name, layer))!])),
  };
}

/**
 * The checkpoint with new weights in its top layers, which may have specialized in the task that they were pretrained for (Zhang et al. 2021).
 * Embeddings, the other layers and the head stay.
 * @throws no-layer
 */
export function redrawLayers(checkpoint: Checkpoint, count: number, seed: number): Checkpoint {
  const { config, weights, folder } = checkpoint;
  if (count > config.layers) fail("no-layer", { folder, layer: count - 1, last: config.layers - 1 });
  const redrawn = listParameters(config).flatMap((parameter, i) => {
    const isTop = parameter.layer >= config.layers - count && parameter.layer < config.layers;
    const data = () => drawParameter({ ...parameter, drawn: drawnAs(parameter) }, config, seed, i);
    return isTop ? [[parameter.name, { shape: parameter.shape, data: data() }] as const] : [];
  });
  return { ...checkpoint, weights: new Map([...weights, ...redrawn]) };
}
