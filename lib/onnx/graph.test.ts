import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sumTo } from "../autodiff/backward.js";
import { broadcastShapes, times } from "./dims.js";
import { addInput, addOutput, createGraph, type Value } from "./graph.js";
import { encodeModel } from "./model-file.js";
import { addNode } from "./nodes.js";
import {
  add,
  cast,
  cumSum,
  equal,
  expand,
  first,
  gather,
  gemm,
  ifElse,
  layerNormalization,
  matmul,
  mul,
  multiHeadAttention,
  padTo,
  reduceSum,
  reshape,
  sub,
  transpose,
} from "./ops.js";
import { createSession, type Data } from "./session.js";

const producer = { name: "test", version: "0" };

/** Runs a graph of one output on float32 inputs filled with 1, 2, 3... */
async function run(output: Value, sizes: Readonly<Record<string, number>> = {}): Promise<Data> {
  const { graph } = output;
  addOutput(graph, "output", output);
  const session = await createSession(encodeModel(graph, producer), { threads: 1, optimization: "basic" });
  const feeds = graph.inputs.map(({ name, dtype, shape }) => {
    const concrete = shape.map((dim) => resolve(dim, sizes));
    const values = Array.from({ length: concrete.reduce((product, dim) => product * dim, 1) }, (_, i) => i + 1);
    return [
      name,
      { dtype, shape: concrete, data: dtype === "int64" ? BigInt64Array.from(values, BigInt) : Float32Array.from(values) },
    ] as const;
  });
  const results = await session.run(Object.fromEntries(feeds));
  await session.close();
  expect(results.output!.shape).toEqual(output.shape.map((dim) => resolve(dim, sizes)));
  return results.output!;
}

const resolve = (dim: number | string, sizes: Readonly<Record<string, number>>): number =>
  String(dim).split("*").reduce((product, factor) => product * (sizes[factor] ?? Number(factor)), 1); // biome-ignore format: one line

describe("dimensions", () => {
  it("multiply to one canonical product, in any order", () => {
    const dim = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom("batch", "sequence", "2*heads"));
    fc.assert(fc.property(fc.array(dim), (dims) => times(...dims) === times(...dims.toReversed())));
    expect(times(2, "sequence", 3, "batch")).toBe("6*batch*sequence");
    expect(times("batch", 0)).toBe(0);
  });

  it("broadcast as NumPy's do", () => {
    expect(broadcastShapes(["batch", 1, 3], ["sequence", 1])).toEqual(["batch", "sequence", 3]);
    expect(broadcastShapes([2], [3])).toBeUndefined();
    const shape = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 });
    fc.assert(fc.property(shape, shape, (a, b) => void expect(broadcastShapes(a, b)).toEqual(broadcastShapes(b, a))));
  });
});

describe("inferred shapes are those that ONNX Runtime computes", () => {
  const sizes = { batch: 2, sequence: 3 };
  const input = (...shape: (number | string)[]) => addInput(createGraph("test"), "x", "float32", shape);

  it.each<[string, () => Value]>([
    ["Reshape merging named dimensions", () => reshape(input("batch", "sequence", 4), ["batch*sequence", 4])],
    ["Reshape splitting two named dimensions", () => { const x = input("batch", "sequence", 4); return reshape(reshape(x, ["batch*sequence", 4]), ["batch", "sequence", 2, 2]); }],
    ["Transpose", () => transpose(input("batch", "sequence", 4), [2, 0, 1])],
    ["Slice of the first", () => first(input("batch", "sequence", 4), 1, 1)],
    ["Slice by a named dimension", () => { const x = input("batch", "sequence"); return first(addInput(x.graph, "table", "float32", [9, 4]), 0, "sequence"); }],
    ["Pad to a named dimension", () => padTo(first(input("batch", "sequence", 4), 1, 1), 1, "sequence")],
    ["Pad of the last axis", () => padTo(first(input("batch", 4), 1, 3), 1, 4)],
    ["Expand", () => { const x = input("batch", "sequence"); return expand(addInput(x.graph, "row", "float32", [1, 3]), ["batch", 3]); }],
    ["ReduceSum", () => reduceSum(input("batch", "sequence", 4), [0, -1], 0)],
    ["a sum over broadcast dimensions", () => sumTo(input("batch", "sequence", 4), ["sequence", 1])],
    ["Gemm with its right transposed", () => { const x = input("batch", 4); return gemm(x, addInput(x.graph, "w", "float32", [5, 4]), undefined, { transB: 1 }); }],
    ["MatMul of stacks", () => { const x = input("batch", "sequence", 4); return matmul(x, addInput(x.graph, "w", "float32", ["batch", 4, 5])); }],
    ["LayerNormalization's mean", () => { const x = input("batch", 4); return layerNormalization(x, addInput(x.graph, "w", "float32", [4]), addInput(x.graph, "b", "float32", [4]), 1e-5)[1]!; }],
    ["CumSum", () => cumSum(input("batch", "sequence"), 1)],
    ["MultiHeadAttention of one query, with a bias", () => { const x = input("batch", "sequence", 4); return multiHeadAttention(first(x, 1, 1), x, x, 2, undefined, addInput(x.graph, "bias", "float32", ["batch", 2, 1, "sequence"])); }],
    ["Gather", () => { const x = input(9, 4); return gather(x, addInput(x.graph, "ids", "int64", ["batch", "sequence"])); }],
  ])("%s", async (_, build) => { await run(build(), sizes); }); // biome-ignore format: a table
});

it("If runs one of two branches, which read outer values", async () => {
  for (const [one, expected] of [
    [1, [2, 4]],
    [0, [-1, -1]],
  ] as const) {
    // biome-ignore format: one line
    const x = addInput(createGraph("branches"), "x", "float32", [2]);
    const condition = equal(cast(reduceSum(sub(x, x), [0], 0), "int64"), 1 - one);
    const data = (await run(ifElse(condition, () => mul(x, 2), () => sub(x, add(x, 1))))).data; // biome-ignore format: one line
    expect(Array.from(data as Float32Array)).toEqual(expected);
  }
});

it("writes only what the outputs depend on", () => {
  const graph = createGraph("live");
  const x = addInput(graph, "x", "float32", [2]);
  const unused = mul(x, 12345);
  addOutput(graph, "y", add(x, 1));
  const text = Buffer.from(encodeModel(graph, producer)).toString("latin1");
  expect(text).toContain("Add_");
  expect(text).not.toContain(unused.name);
});

it("refuses wrong shapes when the graph is built, naming operator and shapes", () => {
  const graph = createGraph("wrong");
  const x = addInput(graph, "x", "float32", ["batch", 4]);
  const y = addInput(graph, "y", "float32", ["sequence", 4]);
  expect(() => add(x, y)).toThrow("Add expects shapes that broadcast; got x float32 [batch, 4], y float32 [sequence, 4].");
  expect(() => matmul(x, y)).toThrow(/MatMul expects \[..., rows, inner\] and \[..., inner, columns\]/);
  expect(() => reshape(x, ["batch", 5])).toThrow(/Reshape expects a shape of as many elements, not \[batch, 5\]/);
  const z = addInput(graph, "z", "float32", ["batch", "sequence", 4]);
  expect(() => multiHeadAttention(z, z, z, 2, undefined, x)).toThrow(/a bias \[batch, heads, queries, keys\]/);
  expect(() => gemm(x, y, x, { transB: 1 })).toThrow(/a bias that broadcasts/);
  expect(() => addNode(graph, "Concat", [x, y], { axis: 1 })).toThrow(/inputs alike but for the axis/);
  expect(() => add(x, cast(y, "int64"))).toThrow(/two inputs of one type/);
});
