import type { BertConfig } from "../lib/bert/config.js";
import { createRandom } from "../lib/math/random.js";
import { addConstant, addInput, addOutput, createGraph, type Value } from "../lib/onnx/graph.js";
import { encodeModel } from "../lib/onnx/model-file.js";
import type { Op } from "../lib/onnx/operators.js";
import { add, cast, dynamicQuantizeMatMul, first, mul, reduceMean, reshape } from "../lib/onnx/ops.js";
import { createLocalEngine } from "../lib/serving/local-engine.js";
import { createScheduler } from "../lib/serving/scheduler.js";
import { producer } from "../lib/system/producer.js";

/** Rows of the weight of a product, and its columns. */
type Product = readonly [inner: number, columns: number];

/** The products of one layer for each token, those of keys and values first. */
function listProducts({ hidden, intermediate }: BertConfig): readonly Product[] {
  const square: Product = [hidden, hidden];
  return [square, square, square, square, [hidden, intermediate], [intermediate, hidden]];
}

/** Operations in the integer products of one text of `tokens` tokens; a multiplication and an addition are two. */
export function countOperations(config: BertConfig, tokens: number): number {
  const sizeOf = (products: readonly Product[]) => products.reduce((sum, [inner, columns]) => sum + inner * columns, 0);
  const products = listProducts(config);
  // With the cls head the last layer computes for one token, and neither keys nor values.
  const [whole, last] = config.head === "cls" ? [config.layers - 1, sizeOf(products.slice(2))] : [config.layers, 0];
  return 2 * (whole * tokens * sizeOf(products) + last);
}

/** Products in one graph: enough that the rest of it costs nothing, few enough that their weights fit a cache. */
const productsInGraph = 8;

/** Integer products of x [1, tokens, inner] with constant weights, by operator. */
const operators: readonly ((x: Value, weight: Value) => Value)[] = [
  (x, weight) => {
    const columns = weight.shape[1] as number;
    const scale = addConstant(x.graph, "float32", [columns], new Float32Array(columns).fill(1));
    return dynamicQuantizeMatMul(x, weight, scale, undefined, undefined);
  },
  // MatMulInteger neither quantizes nor scales. No graph of the product uses it, so it has no shape rule.
  (x, weight) => {
    const { graph, shape } = x;
    const y: Value = { graph, name: `product_${graph.counter++}`, dtype: "int32", shape: [...shape.slice(0, -1), weight.shape[1]!] };
    graph.nodes.push({ op: "MatMulInteger" as Op, inputs: [cast(x, "uint8"), weight], outputs: [y], attributes: {} });
    return y;
  },
];

/**
 * How fast the machine multiplies integers when it does nothing else: ONNX Runtime's operators in the model's shapes, one by one, in
 * as many threads as the model has sessions.
 * @param seconds for each operator and shape
 * @returns operations a second of the fastest, all threads together
 */
export async function measurePeak(config: BertConfig, tokens: number, sessions: number, seconds: number): Promise<number> {
  const shapes = new Map(listProducts(config).map((product) => [product.join(), product]));
  let fastest = 0;
  for (const [inner, columns] of shapes.values())
    for (const operator of operators) {
      const operations = 2 * tokens * inner * columns * productsInGraph;
      const runs = await measureRuns(buildProducts([inner, columns], operator), tokens, sessions, seconds);
      fastest = Math.max(fastest, operations * runs);
    }
  return fastest;
}

/** @returns runs a second of all sessions, as if none ever waited */
async function measureRuns(graph: Uint8Array, tokens: number, sessions: number, seconds: number): Promise<number> {
  const engine = await createLocalEngine({ graph, workers: sessions });
  const scheduler = createScheduler();
  const ids = Array.from({ length: tokens }, (_, i) => i % 256);
  const run = async (seconds: number) => {
    const before = scheduler.stats;
    const until = performance.now() + 1000 * seconds;
    const repeat = async () => {
      while (performance.now() < until) await scheduler.score(engine, ids);
    };
    await Promise.all(Array.from({ length: sessions }, repeat));
    // Only the time inside runs counts: between them a message crosses threads.
    const { done, computeSeconds } = scheduler.stats;
    return (sessions * (done - before.done)) / (computeSeconds - before.computeSeconds);
  };
  try {
    await run(seconds / 5);
    return await run(seconds);
  } finally {
    await engine.close();
  }
}

/** Products of one matrix [tokens, inner] with different weights. One row of each result is used. */
function buildProducts([inner, columns]: Product, operator: (typeof operators)[number]): Uint8Array {
  const graph = createGraph("products");
  const random = createRandom(0);
  const ids = cast(addInput(graph, "input_ids", "int64", ["batch", "sequence"]), "float32");
  const row = addConstant(
    graph,
    "float32",
    [1, 1, inner],
    Float32Array.from({ length: inner }, () => random.uniform()),
  );
  const x = mul(reshape(ids, ["batch", "sequence", 1]), row);
  const results = Array.from({ length: productsInGraph }, () => {
    const data = Int8Array.from({ length: inner * columns }, () => random.int(127) - 63);
    return cast(first(operator(x, addConstant(graph, "int8", [inner, columns], data)), 1, 1), "float32");
  });
  addOutput(graph, "logits", reduceMean(results.reduce(add), [1, 2], 0));
  return encodeModel(graph, producer);
}
