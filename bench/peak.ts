import type { BertConfig } from "../lib/bert/config.js";
import { quantizeColumns } from "../lib/bert/quantize.js";
import { createEngine } from "../lib/engine/engine.js";
import { addConstant, addInput, addOutput, createGraph, type Value } from "../lib/onnx/graph.js";
import { encodeModel } from "../lib/onnx/model.js";
import { add, cast, dynamicQuantizeMatMul, first, mul, reduceMean, reshape } from "../lib/onnx/ops.js";
import { producer } from "../lib/producer.js";
import { createRandom } from "../lib/random.js";

/** Rows of the weight of a product, and its columns. */
type Product = readonly [inner: number, columns: number];

/** The products of one layer for each token: of keys and values, and those that the last layer needs of [CLS] alone. */
function listProducts({ hidden, intermediate }: BertConfig): { readonly always: readonly Product[]; readonly once: readonly Product[] } {
  const square: Product = [hidden, hidden];
  return { always: [square, square], once: [square, square, [hidden, intermediate], [intermediate, hidden]] };
}

/** Operations (a multiplication and an addition are two) in the integer products of one text of so many tokens. */
export function countOperations(config: BertConfig, tokens: number): number {
  const sizeOf = (products: readonly Product[]) => products.reduce((sum, [inner, columns]) => sum + inner * columns, 0);
  const { always, once } = listProducts(config);
  const last = config.head === "cls" ? 1 : tokens;
  return 2 * (config.layers * tokens * sizeOf(always) + ((config.layers - 1) * tokens + last) * sizeOf(once));
}

/** Products in one graph: enough that the rest of it takes no time, few enough that their weights stay in a cache. */
const productsInGraph = 8;

/**
 * How fast the machine multiplies integers when it does nothing else: ONNX Runtime's DynamicQuantizeMatMul in the model's shapes, one
 * shape after the other, in as many threads as the model has sessions.
 * @returns of the fastest shape, operations a second of all threads together
 */
export async function measurePeak(config: BertConfig, tokens: number, sessions: number, seconds: number): Promise<number> {
  const { always, once } = listProducts(config);
  const shapes = new Map([...always, ...once].map((product) => [product.join(), product]));
  let fastest = 0;
  for (const product of shapes.values()) fastest = Math.max(fastest, await measureProduct(product, tokens, sessions, seconds));
  return fastest;
}

async function measureProduct([inner, columns]: Product, tokens: number, sessions: number, seconds: number): Promise<number> {
  const engine = await createEngine({ graph: buildProducts([inner, columns]), sessions });
  const ids = Array.from({ length: tokens }, (_, i) => i);
  const repeat = async (until: number) => {
    while (performance.now() < until) await engine.score(ids);
  };
  try {
    await Promise.all(Array.from({ length: sessions }, () => repeat(performance.now() + 200)));
    const before = engine.stats;
    const until = performance.now() + 1000 * seconds;
    await Promise.all(Array.from({ length: sessions }, () => repeat(until)));
    const { done, computeSeconds } = engine.stats;
    const operations = 2 * tokens * inner * columns * productsInGraph * (done - before.done);
    // Of the time inside the runs: from one to the next a message crosses threads, which is no part of a product.
    return (sessions * operations) / (computeSeconds - before.computeSeconds);
  } finally {
    await engine.close();
  }
}

/** Products of one matrix [tokens, inner] with different weights, of whose results one row each is used. */
function buildProducts([inner, columns]: Product): Uint8Array {
  const graph = createGraph("products");
  const random = createRandom(0);
  const draw = (length: number) => Float32Array.from({ length }, () => random.normal());
  const ids = cast(addInput(graph, "input_ids", "int64", ["batch", "sequence"]), "float32");
  const row = addConstant(graph, "float32", [1, 1, inner], draw(inner));
  const x = mul(reshape(ids, ["batch", "sequence", 1]), row);
  const results = Array.from({ length: productsInGraph }, (): Value => {
    const { data, scales } = quantizeColumns(draw(inner * columns), inner, columns, 63);
    const weight = addConstant(graph, "int8", [inner, columns], data);
    return first(dynamicQuantizeMatMul(x, weight, addConstant(graph, "float32", [columns], scales), undefined, undefined), 1, 1);
  });
  addOutput(graph, "logits", reduceMean(results.reduce(add), [1, 2], 0));
  return encodeModel(graph, producer);
}
