import { addInput, type Graph, type Value } from "../onnx/graph.js";
import { add, cast, erf, first, gemm, layerNormalization, matmul, mul, reshape, softmax, sub, tanh, transpose } from "../onnx/ops.js";
import type { BertConfig } from "./config.js";
import type { createDropout } from "./dropout.js";
import type { Kernels } from "./model.js";
import { listParameters, tables } from "./parameters.js";

/** Graph inputs that take the place of the tables: the rows already looked up. */
export const rowInputs = {
  /** [batch*sequence, hidden] */
  word: `${tables.word}.rows`,
  /** [sequence, hidden], the same for every text */
  position: `${tables.position}.rows`,
  /** [1, hidden]: texts alone have one token type */
  tokenType: `${tables.tokenType}.rows`,
} as const;

const masked = -1e30; // far below any logit: exp() of it is exactly 0

/**
 * Kernels of differentiable standard ONNX operators, activations as [batch*sequence, hidden]. Parameters are inputs of the graph; rows of
 * the embedding tables are looked up outside it, so that no dense [vocabulary, hidden] gradient comes out.
 */
export function plainKernels(graph: Graph, config: BertConfig, dropout: ReturnType<typeof createDropout>): Kernels {
  const { hidden, heads } = config;
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
  return {
    embed() {
      const word = addInput(graph, rowInputs.word, "float32", ["batch*sequence", hidden]);
      const position = add(
        addInput(graph, rowInputs.position, "float32", ["sequence", hidden]),
        addInput(graph, rowInputs.tokenType, "float32", [1, hidden]),
      );
      return reshape(add(reshape(word, ["batch", "sequence", hidden]), position), ["batch*sequence", hidden]);
    },
    linear: (x, name) => gemm(x, parameter(`${name}.weight`), parameter(`${name}.bias`), { transB: 1 }),
    layerNorm: (x, name) => layerNormalization(x, parameter(`${name}.weight`), parameter(`${name}.bias`), config.epsilon)[0]!,
    attention(query, key, value) {
      const logits = add(matmul(splitHeads(mul(query, 1 / Math.sqrt(width)), [0, 2, 1, 3]), splitHeads(key, [0, 2, 3, 1])), bias);
      const mixed = matmul(dropout(softmax(logits), "attention"), splitHeads(value, [0, 2, 1, 3]));
      return reshape(transpose(mixed, [0, 2, 1, 3]), query.shape);
    },
    gelu(x) {
      const scaled = mul(x, Math.SQRT1_2);
      return mul(mul(scaled, add(erf(scaled), 1)), Math.SQRT1_2);
    },
    tanh,
    add,
    firstToken: (x) => reshape(first(reshape(x, ["batch", "sequence", hidden]), 1, 1), ["batch", hidden]),
    dropout: (x) => dropout(x, x.shape[0] === "batch" ? "pooled" : "hidden"),
  };
}
