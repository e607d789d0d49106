import { addConstant, addInput, type Graph, type Value } from "../onnx/graph.js";
import { add, cast, equal, first, gather, gelu, ifElse, layerNormalization, multiHeadAttention, reduceMin, tanh } from "../onnx/ops.js";
import type { Checkpoint } from "./checkpoint.js";
import type { Kernels } from "./model.js";
import { tables } from "./parameters.js";

/** How a linear layer is computed: what differs between fp32 and int8 serving. */
export type Linear = (x: Value, name: string) => Value;

/**
 * Kernels for serving: ONNX Runtime's fused operators, weights inside the graph, activations as [batch, sequence, hidden].
 * A text alone needs no mask, and attention without one is faster: each attention chooses as the graph runs.
 */
export function fusedKernels(graph: Graph, { config, weights }: Checkpoint, linear: Linear): Kernels {
  const constant = (name: string) => {
    const { shape, data } = weights.get(name)!;
    return addConstant(graph, "float32", shape, data, name);
  };
  const ids = addInput(graph, "input_ids", "int64", ["batch", "sequence"]);
  const mask = cast(addInput(graph, "attention_mask", "int64", ["batch", "sequence"]), "int32");
  const types = addInput(graph, "token_type_ids", "int64", ["batch", "sequence"]);
  const padded = equal(reduceMin(mask, [0, 1], 0), 0);
  return {
    embed() {
      const position = first(constant(tables.position), 0, "sequence");
      return add(add(gather(constant(tables.word), ids), gather(constant(tables.tokenType), types)), position);
    },
    linear,
    layerNorm: (x, name) => layerNormalization(x, constant(`${name}.weight`), constant(`${name}.bias`), config.epsilon)[0]!,
    attention: (query, key, value) =>
      ifElse(
        padded,
        () => multiHeadAttention(query, key, value, config.heads, mask),
        () => multiHeadAttention(query, key, value, config.heads),
      ),
    gelu,
    tanh,
    add,
    firstToken: (x) => first(x, 1, 1),
    dropout: (x) => x,
  };
}
