import { addConstant, addInput, type Graph, type Value } from "../onnx/graph.js";
import {
  add, cast, div, erf, first, gather, gemm, layerNormalization, matmul, mul, reduceSum, relu, reshape, softmax, sub, tanh, transpose,
} from "../onnx/ops.js"; // biome-ignore format: a list reads better in lines
import type { BertConfig } from "./config.js";
import type { createDropout } from "./dropout.js";
import type { Kernels } from "./kernels.js";
import { listParameters } from "./parameters.js";
import { listBuckets, pairDistances } from "./relative.js";

/** Graph inputs in place of the embedding tables: the rows, already looked up. */
export const rowInputs = {
  /** [batch*sequence, embedding] */
  word: "rows of words",
  /** [sequence, embedding], the same for every text */
  position: "rows of positions",
  /** [1, embedding]: a single text has one token type. Absent if the family has none. */
  tokenType: "row of the token type",
} as const;

const masked = -1e30; // far below any logit: exp() of it is exactly 0

/**
 * Kernels for training: differentiable standard ONNX operators, activations as [batch*sequence, hidden]. Parameters are inputs of the
 * graph. Rows of the embedding tables are looked up outside it, so that no dense [vocabulary, hidden] gradient is computed.
 */
export function plainKernels(graph: Graph, config: BertConfig, dropout: ReturnType<typeof createDropout>): Kernels {
  const { hidden, heads, embedding } = config;
  const width = hidden / heads;
  const shapes = new Map(listParameters(config).map(({ name, shape }) => [name, shape]));
  const parameters = new Map<string, Value>();
  const parameter = (name: string): Value => {
    const value = parameters.get(name) ?? addInput(graph, name, "float32", shapes.get(name)!);
    parameters.set(name, value);
    return value;
  };
  const mask = addInput(graph, "attention_mask", "int64", ["batch", "sequence"]);
  const bias = reshape(mul(sub(1, cast(mask, "float32")), masked), ["batch", 1, 1, "sequence"]);
  /** [rows, hidden] -> [batch, heads, rows a text, width], or its last two transposed */
  const splitHeads = (x: Value, order: readonly number[]) => {
    const rows = x.shape[0] === "batch" ? 1 : "sequence";
    return transpose(reshape(x, ["batch", rows, heads, width]), order);
  };
  const linear = (x: Value, name: string) => gemm(x, parameter(`${name}.weight`), parameter(`${name}.bias`), { transB: 1 });
  return {
    embed() {
      const word = addInput(graph, rowInputs.word, "float32", ["batch*sequence", embedding]);
      const position = addInput(graph, rowInputs.position, "float32", ["sequence", embedding]);
      const row = config.tokenTypes > 0 ? add(position, addInput(graph, rowInputs.tokenType, "float32", [1, embedding])) : position;
      return reshape(add(reshape(word, ["batch", "sequence", embedding]), row), ["batch*sequence", embedding]);
    },
    linear,
    layerNorm: (x, name) => layerNormalization(x, parameter(`${name}.weight`), parameter(`${name}.bias`), config.epsilon)[0]!,
    // A product with one-hot rows, whose gradient is a product too: the gradient of Gather would have to scatter.
    relativeBias(name) {
      const { positions, buckets } = config;
      const oneHot = listBuckets(positions, buckets).flatMap((bucket) => Array.from({ length: buckets }, (_, i) => Number(i === bucket)));
      const rows = addConstant(graph, "float32", [2 * positions - 1, buckets], Float32Array.from(oneHot));
      return transpose(matmul(gather(rows, pairDistances(graph, positions)), parameter(name)), [2, 0, 1]);
    },
    attention(queries, x, layers, relative) {
      const [query, key, value] = [linear(queries, layers.query), linear(x, layers.key), linear(x, layers.value)];
      const masked = add(matmul(splitHeads(mul(query, 1 / Math.sqrt(width)), [0, 2, 1, 3]), splitHeads(key, [0, 2, 3, 1])), bias);
      const logits = relative ? add(masked, query.shape[0] === "batch" ? first(relative, 1, 1) : relative) : masked;
      const mixed = matmul(dropout(softmax(logits), "attention"), splitHeads(value, [0, 2, 1, 3]));
      return reshape(transpose(mixed, [0, 2, 1, 3]), query.shape);
    },
    gelu(x) {
      const scaled = mul(x, Math.SQRT1_2);
      return mul(mul(scaled, add(erf(scaled), 1)), Math.SQRT1_2);
    },
    relu,
    tanh,
    add,
    firstToken: (x) => reshape(first(reshape(x, ["batch", "sequence", hidden]), 1, 1), ["batch", hidden]),
    meanToken(x) {
      const counted = cast(mask, "float32");
      const share = reshape(div(counted, reduceSum(counted, [1])), ["batch", 1, "sequence"]);
      return reshape(matmul(share, reshape(x, ["batch", "sequence", hidden])), ["batch", hidden]);
    },
    dropout: (x) => dropout(x, x.shape[0] === "batch" ? "pooled" : "hidden"),
  };
}
