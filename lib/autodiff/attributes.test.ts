import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../math/random.js";
import type { Dim } from "../onnx/dims.js";
import { type Attributes, addInput, addOutput, createGraph, type Value } from "../onnx/graph.js";
import { encodeModel } from "../onnx/model-file.js";
import { addNode } from "../onnx/nodes.js";
import type { Op } from "../onnx/operators.js";
import {
  abs, add, cast, constant, equal, exp, expand, first, gather, gemm, ifElse, layerNormalization, matmul, mul, reduceMax, reduceMean, reduceSum,
  reshape, slice, softmax, transpose,
} from "../onnx/ops.js"; // biome-ignore format: a list reads better in lines
import { createSession } from "../onnx/session.js";
import { backward } from "./backward.js";

type Build = (...inputs: Value[]) => Value;

/** What named dimensions are when a graph runs. */
const sizes: Readonly<Record<string, number>> = { batch: 2, sequence: 5 };
const sizeOf = (dim: Dim) => (typeof dim === "number" ? dim : sizes[dim]!);

const node = (op: Op, inputs: readonly Value[], attributes: Attributes = {}) => addNode(inputs[0]!.graph, op, inputs, attributes)[0]!;

/** Checks the gradients of sum(build(...)^2) in float64 against central differences along random directions. */
async function expectGradients(build: Build, ...shapes: readonly (readonly Dim[])[]): Promise<void> {
  const graph = createGraph("test");
  const inputs = shapes.map((shape, i) => addInput(graph, `x${i}`, "float64", shape));
  const y = build(...inputs);
  const loss = y.shape.length === 0 ? mul(y, y) : reduceSum(mul(y, y), [...y.shape.keys()], 0);
  addOutput(graph, "loss", loss);
  for (const [input, gradient] of backward(loss, inputs)) addOutput(graph, `gradient of ${input.name}`, gradient);
  const session = await createSession(encodeModel(graph, { name: "test", version: "0" }), { threads: 1, optimization: "basic" });
  const random = createRandom(7);
  const draw = () =>
    shapes.map((shape) => Float64Array.from({ length: shape.reduce<number>((all, dim) => all * sizeOf(dim), 1) }, () => random.normal()));
  const run = (point: readonly Float64Array[]) =>
    session.run(Object.fromEntries(point.map((data, i) => [`x${i}`, { dtype: "float64" as const, shape: shapes[i]!.map(sizeOf), data }])));
  const [at, direction] = [draw(), draw()];
  const results = await run(at);
  for (const i of shapes.keys()) {
    const moved = async (size: number) =>
      Number((await run(at.with(i, at[i]!.map((x, j) => x + size * direction[i]![j]!)))).loss!.data[0]); // biome-ignore format: one line
    const difference = ((await moved(1e-5)) - (await moved(-1e-5))) / 2e-5;
    const gradient = results[`gradient of x${i}`]!;
    expect(gradient.shape).toEqual(shapes[i]!.map(sizeOf));
    const slope = (gradient.data as Float64Array).reduce((sum, g, j) => sum + g * direction[i]![j]!, 0);
    expect(Math.abs(difference - slope)).toBeLessThan(1e-6 * (1 + Math.abs(slope)));
  }
  await session.close();
}

/** The loss of a graph on inputs that are never run. */
function differentiate(build: Build, ...shapes: readonly (readonly Dim[])[]): void {
  const graph = createGraph("test");
  const inputs = shapes.map((shape, i) => addInput(graph, `x${i}`, "float32", shape));
  const y = build(...inputs);
  backward(reduceSum(y, [...y.shape.keys()], 0), inputs);
}

describe("Slice", () => {
  const index = fc.oneof(fc.integer({ min: -7, max: 7 }), fc.constantFrom(2 ** 31 - 1, -(2 ** 31)));
  const step = fc.constantFrom(1, 1, 2, 3, 9, -1, -2, -3, -9);
  const slices = fc
    .record({ shape: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }), negative: fc.boolean() })
    .chain(({ shape, negative }) =>
      fc.record({
        shape: fc.constant(shape),
        axes: fc.subarray([...shape.keys()], { minLength: 1 }).map((axes) => axes.map((axis) => (negative ? axis - shape.length : axis))),
        ranges: fc.array(fc.record({ start: index, end: index, step }), { minLength: shape.length, maxLength: shape.length }),
      }),
    );
  const sliceBy = (x: Value, ranges: readonly { start: number; end: number; step: number }[], axes: readonly number[]) => {
    const list = (values: readonly number[]) => constant(x.graph, values);
    const [starts, ends, steps] = (["start", "end", "step"] as const).map((key) => list(ranges.map((range) => range[key])));
    return node("Slice", [x, starts!, ends!, list(axes), steps!]);
  };

  it("is right for any starts, ends, axes and steps", async () => {
    let checked = 0;
    await fc.assert(
      fc.asyncProperty(slices, async ({ shape, axes, ranges }) => {
        const build: Build = (x) => sliceBy(x!, ranges.slice(0, axes.length), axes);
        try {
          build(addInput(createGraph("test"), "x", "float64", shape));
        } catch (error) {
          expect((error as Error).message).toContain("Slice expects a slice of at least one element");
          return;
        }
        checked++;
        await expectGradients(build, shape);
      }),
      { seed: 11, numRuns: 300 },
    );
    expect(checked).toBeGreaterThan(80);
  });

  it.each<[string, Build]>([
    ["x[1:]", (x) => slice(x!, 0, 1, 4)],
    ["x[:, -2:]", (x) => slice(x!, 1, -2, 2 ** 31 - 1)],
    ["x[::-1]", (x) => slice(x!, 0, -1, -(2 ** 31), -1)],
    ["axes that are left out", (x) => node("Slice", [x!, constant(x!.graph, [1, 2]), constant(x!.graph, [3, 3])])],
  ])("is right for %s", async (_, build) => {
    await expectGradients(build, [4, 3]);
  });

  it.each<[string, Build]>([
    ["the whole of it", (x) => slice(x!, 1, 0, "sequence")],
    ["its start", (x) => first(x!, 1, 2)],
    ["its middle", (x) => slice(x!, 1, 1, 4)],
    ["every other element", (x) => slice(x!, 1, 0, 4, 2)],
  ])("is right along a named dimension: %s", async (_, build) => {
    await expectGradients(build, ["batch", "sequence", 3]);
  });

  it("refuses what only a run knows", () => {
    expect(() => differentiate((x) => slice(x!, 1, 1, "sequence"), ["batch", "sequence"])).toThrow(/a slice from 0, or between known ends/);
    expect(() => differentiate((x) => slice(x!, 1, -2, 2 ** 31 - 1), ["batch", "sequence"])).toThrow(/a slice from 0/);
    expect(() => differentiate((x, y) => add(first(x!, 0, "sequence"), y!), [9], ["sequence"])).toThrow(
      /Slice along the named dimension sequence has no gradient/,
    );
    expect(() => differentiate((x) => slice(x!, 0, 0, 3, 0), [4])).toThrow(/Slice expects/);
    expect(() => differentiate((x) => slice(x!, 2, 0, 1), [4, 4])).toThrow(/axes below 2/);
  });
});

describe("attributes", () => {
  const transposed = [0, 1] as const;
  it.each(
    transposed.flatMap((transA) => transposed.flatMap((transB) => [[transA, transB, [5]], [transA, transB, [4, 1]]] as const)), // biome-ignore format: one line
  )("Gemm with transA %i, transB %i, alpha, beta and a bias %j", async (transA, transB, bias) => {
    const [a, b] = [transA ? [3, 4] : [4, 3], transB ? [5, 3] : [3, 5]];
    await expectGradients((a, b, c) => gemm(a!, b!, c, { transA, transB, alpha: 0.7, beta: -1.3 }), a, b, bias);
  });

  it.each([0, 1, 2, -1, -2])("Softmax over axis %i", async (axis) => {
    await expectGradients((x) => mul(node("Softmax", [x!], { axis }), x!), [2, 3, 4]);
  });

  it("Softmax over the last axis by default", async () => {
    await expectGradients((x) => mul(node("Softmax", [x!]), x!), [2, 3]);
  });

  it.each([[[0]], [[1, -1]], [[-3, 2]], [[0, 1, 2]]])("ReduceMean and ReduceSum over axes %j, kept or not", async (axes) => {
    for (const keepdims of [0, 1] as const) {
      await expectGradients((x) => reduceMean(x!, axes, keepdims), [2, 3, 4]);
      await expectGradients((x) => reduceSum(x!, axes, keepdims), [2, 3, 4]);
    }
  });

  it.each([[[0, 1, 2]], [[2, 0, 1]], [[1, 2, 0]], [[2, 1, 0]]])("Transpose by %j", async (perm) => {
    await expectGradients((x) => transpose(x!, perm), [2, 3, 4]);
  });

  it.each([
    [[2, 3, 4], [4, 5]],
    [[4, 5], [2, 5, 3]],
    [[2, 1, 3, 4], [3, 4, 2]],
    [["batch", "sequence", 3], [1, 3, 2]],
  ] as const)("MatMul of %j and %j", async (a, b) => { await expectGradients((a, b) => matmul(a!, b!), a, b); }); // biome-ignore format: a table

  it.each([
    [[1, 3], [2, 4, 3]],
    [[], [2, 2]],
    [["sequence", 1], ["batch", "sequence", 2]],
  ] as const)("Expand of %j to %j", async (from, to) => {
    await expectGradients((x, y) => mul(expand(x!, to), y!), from, to);
  }); // biome-ignore format: a table
});

describe("what is not supported is refused", () => {
  it.each<[string, RegExp, Build, readonly (readonly Dim[])[]]>([
    ["a mean over a named dimension", /ReduceMean along the named dimension batch has no gradient/, (x) => reduceMean(x!, [0]), [["batch", 2]]],
    ["no axes", /ReduceSum expects distinct axes/, (x) => reduceSum(x!, []), [[2, 3]]],
    ["an axis named twice", /ReduceMean expects distinct axes/, (x) => reduceMean(x!, [1, -1]), [[2, 3]]],
    ["an axis beyond the last", /ReduceSum expects distinct axes below 2/, (x) => reduceSum(x!, [2]), [[2, 3]]],
    ["Transpose without perm", /a permutation of 2 axes/, (x) => node("Transpose", [x!]), [[2, 3]]],
    ["Transpose by no permutation", /a permutation of 2 axes/, (x) => transpose(x!, [0, 2]), [[2, 3]]],
    ["a missing input", /MatMul expects the input b/, (x) => node("MatMul", [x!]), [[2, 3]]],
    [
      "LayerNormalization over another axis",
      /the axis -1/,
      (x, scale) => node("LayerNormalization", [x!, scale!], { axis: 0, epsilon: 1e-5 }),
      [[2, 2], [2]],
    ],
    ["Concat", /Concat has no gradient/, (x, y) => node("Concat", [x!, y!], { axis: 1 }), [[2, 3], [2, 1]]],
    ["Gather", /Gather has no gradient/, (x) => gather(x!, constant(x!.graph, [0, -1])), [[2, 3]]],
    ["Abs", /Abs has no gradient/, (x) => abs(x!), [[2]]],
    ["ReduceMax", /ReduceMax has no gradient/, (x) => reduceMax(x!, [0]), [[2]]],
    ["a cast", /Cast has no gradient/, (x) => cast(cast(x!, "float64"), "float32"), [[2]]],
    [
      "a second output",
      /An output of LayerNormalization beside its first has no gradient/,
      (x, scale, bias) => layerNormalization(x!, scale!, bias!, 1e-5)[1]!,
      [[2, 2], [2], [2]],
    ],
    [
      "a branch that reads a target",
      /If has no gradient/,
      (x) => add(x!, ifElse(equal(constant(x!.graph, [1]), 1), () => exp(x!), () => mul(x!, 2))),
      [[2]],
    ],
  ])("%s", (_, message, build, shapes) => { expect(() => differentiate(build, ...shapes)).toThrow(message); }); // biome-ignore format: a table

  it("a loss that is not a scalar", () => {
    const x = addInput(createGraph("test"), "x", "float32", [2]);
    expect(() => backward(softmax(x), [x])).toThrow("backward expects a scalar loss; got [2].");
    expect(() => backward(reshape(first(x, 0, 1), []), [x])).not.toThrow();
  });
});
