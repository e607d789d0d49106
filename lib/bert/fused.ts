import { addConstant, addInput, type Graph, type Value } from "../onnx/graph.js";
import {
  add, cast, cumSum, div, equal, expand, first, gather, gelu, ifElse, layerNormalization, matmul, mul, multiHeadAttention, reduceMin, reduceSum,
  relu, reshape, sub, tanh,
} from "../onnx/ops.js"; // biome-ignore format: a list reads better in lines
import type { Checkpoint } from "./checkpoint.js";
import { tablesOf } from "./families.js";
import type { Kernels, Linear } from "./kernels.js";
import { listBuckets, pairDistances } from "./relative.js";
import { attendSingleQuery } from "./single-query.js";

/**
 * Kernels for serving: ONNX Runtime's fused operators, weights inside the graph, activations as [batch, sequence, hidden].
 * Attention is faster without a mask, so each layer skips it at run time unless something is padded.
 * @param linear the linear layers, which differ between precisions
 */
export function fusedKernels(graph: Graph, checkpoint: Checkpoint, linear: Linear): Kernels {
  const { config, weights } = checkpoint;
  const constant = (name: string) => {
    const { shape, data } = weights.get(name)!;
    return addConstant(graph, "float32", shape, data, name);
  };
  const ids = addInput(graph, "input_ids", "int64", ["batch", "sequence"]);
  const mask = cast(addInput(graph, "attention_mask", "int64", ["batch", "sequence"]), "int32");
  const types = addInput(graph, "token_type_ids", "int64", ["batch", "sequence"]);
  const padded = equal(reduceMin(mask, [0, 1], 0), 0);
  const tables = tablesOf(config.family);
  /** If padding has a position of its own, tokens are counted from the position after it. */
  const positionRows = () => {
    const table = constant(tables.position);
    const padding = config.firstPosition - 1;
    if (padding < 0) return first(table, 0, "sequence");
    const counted = sub(1, cast(equal(ids, padding), "int64"));
    return gather(table, add(mul(cumSum(counted, 1), counted), padding));
  };
  /** With one token type, the input is ignored, as in a family without token types. */
  const typeRows = (table: Value) => (config.tokenTypes === 1 ? table : gather(table, types));
  return {
    embed() {
      const rows = add(gather(constant(tables.word), ids), positionRows());
      return tables.tokenType ? add(rows, typeRows(constant(tables.tokenType))) : rows;
    },
    linear,
    layerNorm: (x, name) => layerNormalization(x, constant(`${name}.weight`), constant(`${name}.bias`), config.epsilon)[0]!,
    relativeBias(name) {
      const { positions, buckets, heads } = config;
      const table = weights.get(name)!.data;
      const places = listBuckets(positions, buckets);
      const byDistance = Float32Array.from({ length: heads * places.length }, (_, i) => {
        const [head, bucket] = [Math.floor(i / places.length), places[i % places.length]!];
        return table[bucket * heads + head]!;
      });
      const rows = addConstant(graph, "float32", [heads, places.length], byDistance);
      const bias = reshape(gather(rows, pairDistances(graph, positions), 1), [1, heads, "sequence", "sequence"]);
      return expand(bias, ["batch", heads, "sequence", "sequence"]); // ONNX Runtime up to 1.19 does not broadcast the bias
    },
    attention(queries, x, layers, relative) {
      if (queries !== x) return attendSingleQuery(checkpoint, linear(queries, layers.query), x, layers, { mask, relative });
      const [query, key, value] = [linear(x, layers.query), linear(x, layers.key), linear(x, layers.value)];
      const attend = (keyMask?: Value) => multiHeadAttention(query, key, value, config.heads, keyMask, relative);
      return ifElse(
        padded,
        () => attend(mask),
        () => attend(),
      );
    },
    gelu,
    relu,
    tanh,
    add,
    firstToken: (x) => first(x, 1, 1),
    meanToken(x) {
      const counted = cast(mask, "float32");
      return matmul(reshape(div(counted, reduceSum(counted, [1])), ["batch", 1, "sequence"]), x);
    },
    dropout: (x) => x,
  };
}
