import { addConstant, addInput, addOutput, createGraph, type Value } from "../lib/onnx/graph.js";
import { encodeModel } from "../lib/onnx/model-file.js";
import { add, cast, div, gather, layerNormalization, matmul, mul, reduceMean } from "../lib/onnx/ops.js";

/** A graph with the model's inputs and output. `build` makes the logits from the masked ids and the token types, float32 [batch, sequence]. */
function encodeGraph(build: (ids: Value, types: Value) => Value): Uint8Array {
  const graph = createGraph("test");
  const [ids, mask, types] = ["input_ids", "attention_mask", "token_type_ids"].map((name) =>
    cast(addInput(graph, name, "int64", ["batch", "sequence"]), "float32"),
  );
  addOutput(graph, "logits", build(mul(ids!, mask!), types!));
  return encodeModel(graph, { name: "test", version: "1" });
}

/**
 * Logits are (the mean of the unmasked ids + the mean of the types) / 7 + `offset`. The means are over the whole row, so that padding
 * changes them.
 */
export function meanGraph(offset = 0): Uint8Array {
  return encodeGraph((ids, types) => add(meanOf(ids, types), offset));
}

/** The score of meanGraph for a text alone. */
export function meanScore(ids: readonly number[], offset = 0): number {
  const mean = Math.fround(ids.reduce((sum, id) => sum + id, 0) / ids.length);
  return Math.fround(Math.fround(mean / 7) + offset);
}

/** Scores like meanGraph(offset), after `rounds` matrix products of about 10 milliseconds each. One text a run. */
export function slowGraph(rounds: number, offset = 0): Uint8Array {
  const size = 600;
  const matrix = Float32Array.from({ length: size * size }, (_, i) => ((i % 17) - 8) / size);
  return encodeGraph((ids, types) => {
    const step = addConstant(ids.graph, "float32", [size, size], matrix);
    let product = mul(reduceMean(ids, [0, 1]), step);
    for (let i = 0; i < rounds; i++) product = matmul(product, step);
    return add(add(meanOf(ids, types), offset), mul(reduceMean(product, [0, 1]), 0));
  });
}

/** Refuses ids from `rows` on, as a model's embedding does. Logits are the mean of a tenth of each id. */
export function tableGraph(rows: number): Uint8Array {
  const tenths = Float32Array.from({ length: rows }, (_, i) => i / 10);
  return encodeGraph((ids) => reduceMean(gather(addConstant(ids.graph, "float32", [rows, 1], tenths), cast(ids, "int64")), [1], 0));
}

/** A damaged graph that crashes ONNX Runtime, and with it the process: the axis of a normalization is far beyond the rank. */
export function crashGraph(): Uint8Array {
  return encodeGraph((ids) => {
    const ones = addConstant(ids.graph, "float32", [1], Float32Array.of(1));
    const [normal] = layerNormalization(mul(reduceMean(ids, [1]), ones), ones, ones, 1e-12);
    const node = ids.graph.nodes.find(({ op }) => op === "LayerNormalization")!;
    Object.assign(node.attributes, { axis: 2 ** 31 });
    return normal!;
  });
}

const meanOf = (ids: Value, types: Value) => div(add(reduceMean(ids, [1]), reduceMean(types, [1])), 7);
