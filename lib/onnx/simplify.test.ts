import fc from "fast-check";
import { expect, it } from "vitest";
import { backward } from "../autodiff/backward.js";
import { createRandom } from "../math/random.js";
import { addInput, addOutput, createGraph, type Graph, type Value } from "./graph.js";
import { encodeModel } from "./model-file.js";
import { add, gemm, matmul, mul, reduceSum, softmax, tanh, transpose } from "./ops.js";
import { createSession } from "./session.js";
import { simplify } from "./simplify.js";

const count = (graph: Graph, op: string) => graph.nodes.filter((node) => node.op === op).length;

/** The first output on inputs drawn at random, always the same. */
async function run(graph: Graph): Promise<number[]> {
  const session = await createSession(encodeModel(graph, { name: "test", version: "0" }), { threads: 1, optimization: "basic" });
  const random = createRandom(1);
  const feeds = graph.inputs.map(({ name, shape }) => {
    const data = Float32Array.from({ length: shape.reduce((product: number, dim) => product * Number(dim), 1) }, () => random.normal());
    return [name, { dtype: "float32" as const, shape: shape as number[], data }] as const;
  });
  const results = await session.run(Object.fromEntries(feeds));
  await session.close();
  return Object.values(results).flatMap(({ data }) => Array.from(data as Float32Array));
}

/** Simplifies a graph and checks that it computes what it did. */
async function simplified(build: (...inputs: Value[]) => readonly Value[], ...shapes: number[][]): Promise<Graph> {
  const make = () => {
    const graph = createGraph("test");
    build(...shapes.map((shape, i) => addInput(graph, `x${i}`, "float32", shape))).forEach((value, i) => {
      addOutput(graph, `y${i}`, value);
    });
    return graph;
  };
  const graph = make();
  simplify(graph);
  const [expected, actual] = [await run(make()), await run(graph)];
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of actual.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5 * (1 + Math.abs(expected[i]!)));
  return graph;
}

it("lets Gemm multiply by the constants before and after it", async () => {
  const graph = await simplified((x, w, b) => [mul(gemm(mul(x!, 0.5), mul(3, w!), b, { transB: 1 }), 7)], [4, 3], [5, 3], [5]);
  expect(graph.nodes.map(({ op, attributes }) => [op, attributes.alpha, attributes.beta])).toEqual([["Gemm", 10.5, 7]]);
});

it("does not change a product that another node reads", async () => {
  const graph = await simplified((x, w) => { const y = gemm(x!, w!, undefined); return [mul(y, 7), tanh(y)]; }, [4, 3], [3, 5]); // biome-ignore format: one line
  expect(count(graph, "Mul")).toBe(1);
  expect(graph.nodes.find(({ op }) => op === "Gemm")!.attributes.alpha).toBeUndefined();
});

it("sums before it scales", async () => {
  const graph = await simplified((x) => [reduceSum(mul(x!, 2), [0])], [4, 3]);
  expect(graph.nodes.map(({ op, outputs }) => [op, outputs[0]!.shape])).toEqual([["ReduceSum", [1, 3]], ["Mul", [1, 3]]]); // biome-ignore format: one line
});

it("takes the row sums of attention's softmax gradient over the width of a head", async () => {
  const graph = await simplified(
    (q, k, v) => {
      const y = matmul(softmax(matmul(q!, transpose(k!, [0, 2, 1]))), v!);
      return [...backward(reduceSum(mul(y, y), [0, 1, 2], 0), [q!, k!, v!]).values()];
    },
    [2, 6, 3],
    [2, 6, 3],
    [2, 6, 3],
  );
  const sums = graph.nodes.filter(({ op }) => op === "ReduceSum").map(({ inputs }) => inputs[0]!.shape);
  expect(sums).toEqual([[2, 6, 3]]);
});

it("sums attention's rows over the head alone where its value is transposed, and keeps no dimension that was dropped", async () => {
  const build =
    (perm: number[]) =>
    (dy: Value, p: Value, v: Value): readonly Value[] => [reduceSum(mul(matmul(dy, transpose(v, perm)), p), [-1], 0), matmul(p, v)];
  const square = [2, 2, 2];
  const swapped = await simplified(build([0, 2, 1]) as (...inputs: Value[]) => readonly Value[], square, square, square);
  expect(count(swapped, "Transpose")).toBe(0);
  const other = await simplified(build([1, 0, 2]) as (...inputs: Value[]) => readonly Value[], square, square, square);
  expect(count(other, "Transpose")).toBe(1);
});

it.each([
  [3, 7],
  [7, 3],
])("transposes the narrower factor before Gemm, once (%i and %i columns)", async (a, b) => {
  const graph = await simplified((x, y) => [gemm(x!, y!, undefined, { transA: 1, alpha: 0.5 })], [5, a], [5, b]);
  expect(graph.nodes.find(({ op }) => op === "Gemm")!.attributes).toEqual({ alpha: 0.5 });
  expect(count(graph, "Transpose")).toBe(a < b ? 1 : 2);
});

it("keeps what any chain of products, sums and scales computes", async () => {
  const step = fc.constantFrom<(x: Value) => Value>(
    (x) => mul(x, 0.5),
    (x) => mul(-2, x),
    (x) => gemm(x, x, undefined, { transB: 1 }),
    (x) => gemm(x, x, mul(reduceSum(x, [0]), 0.1), { transA: 1, alpha: 0.3, beta: 2 }),
    (x) => add(x, mul(x, 0.1)),
    tanh,
    (x) => add(mul(reduceSum(mul(x, 0.2), [-1]), 0.5), x),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      await simplified((x) => [steps.reduce((value, next) => tanh(next(value)), x!)], [3, 3]);
    }),
    { numRuns: 30 },
  );
});
