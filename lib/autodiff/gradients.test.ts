import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { addConstant, addInput, addOutput, createGraph, type Value } from "../onnx/graph.js";
import { encodeModel } from "../onnx/model-file.js";
import {
  add, div, erf, exp, expand, first, gelu, gemm, layerNormalization, matmul, mul, neg, reduceMean, reduceSum, relu, reshape, softmax,
  sub, tanh, transpose,
} from "../onnx/ops.js"; // biome-ignore format: a list reads better in lines
import { createSession, type Data } from "../onnx/session.js";
import { shipped } from "../system/package-files.js";
import { backward } from "./backward.js";
import { type DifferentiableOp, gradients } from "./gradients.js";

type Build = (...inputs: Value[]) => Value;
/** By the names of the fixture's cases. ONNX Runtime has no float64 kernel of the operators marked float32. */
interface OpCases {
  readonly dtype?: "float32";
  readonly cases: Readonly<Record<string, Build>>;
}

/** A case for every operator that has a gradient: one without does not compile. */
const table: { readonly [op in DifferentiableOp]: OpCases } = {
  Add: { cases: { Add: add as Build, "Add, broadcast": add as Build } },
  Sub: { cases: { Sub: sub as Build } },
  Mul: { cases: { Mul: mul as Build, "Mul, scalar": mul as Build } },
  Div: { cases: { Div: div as Build } },
  Neg: { cases: { Neg: neg } },
  Exp: { cases: { Exp: exp } },
  Relu: { cases: { Relu: relu } },
  Tanh: { cases: { Tanh: tanh } },
  Erf: { dtype: "float32", cases: { Erf: erf } },
  Gelu: { dtype: "float32", cases: { Gelu: gelu } },
  Softmax: { cases: { Softmax: softmax } },
  LayerNormalization: {
    dtype: "float32",
    cases: { LayerNormalization: ((x, scale, bias) => layerNormalization(x!, scale!, bias!, 1e-5)[0]!) as Build },
  },
  MatMul: { cases: { MatMul: matmul as Build, "MatMul, broadcast": matmul as Build } },
  Gemm: {
    cases: {
      Gemm: ((a, b, c) => gemm(a!, b!, c)) as Build,
      "Gemm, transA": ((a, b) => gemm(a!, b!, undefined, { transA: 1 })) as Build,
      "Gemm, transB": ((a, b, c) => gemm(a!, b!, c, { transB: 1 })) as Build,
      "Gemm, transA and transB": ((a, b) => gemm(a!, b!, undefined, { transA: 1, transB: 1 })) as Build,
    },
  },
  Transpose: { cases: { Transpose: ((x) => transpose(x!, [2, 0, 1])) as Build } },
  Reshape: { cases: { Reshape: ((x) => reshape(x!, [6, 4])) as Build } },
  Expand: { cases: { Expand: ((x) => expand(x!, [2, 4, 3])) as Build } },
  ReduceSum: {
    cases: { ReduceSum: ((x) => reduceSum(x!, [0, 2])) as Build, "ReduceSum, keepdims 0": ((x) => reduceSum(x!, [1], 0)) as Build },
  },
  ReduceMean: { cases: { ReduceMean: ((x) => reduceMean(x!, [-1])) as Build } },
  Slice: { cases: { Slice: ((x) => first(x!, 1, 1)) as Build } },
};

interface Tensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
interface Fixture {
  readonly inputs: readonly Tensor[];
  readonly weight: Tensor;
  readonly gradients: readonly Tensor[];
}
const fixtures = JSON.parse(readFileSync(shipped("test/fixtures/gradients.json"), "utf8")) as Readonly<Record<string, Fixture>>;

describe.each(Object.entries<OpCases>(table))("%s", (op, { dtype = "float64" as const, cases }) => {
  const arrayOf = dtype === "float64" ? Float64Array : Float32Array;
  it.each(Object.entries(cases))("%s: PyTorch's gradients, and those of finite differences", async (name, build) => {
    const { inputs, weight, gradients: expected } = fixtures[name]!;
    const graph = createGraph(name);
    const values = inputs.map(({ shape }, i) => addInput(graph, `x${i}`, dtype, shape));
    const output = build(...values);
    expect(graph.nodes.some((node) => node.op === op)).toBe(true);
    expect(output.shape).toEqual(weight.shape);
    const product = mul(output, addConstant(graph, dtype, weight.shape, new arrayOf(weight.data) as Float64Array));
    const loss = reduceSum(reshape(product, [weight.data.length]), [0], 0);
    addOutput(graph, "loss", loss);
    [...backward(loss, values).values()].forEach((gradient, i) => {
      addOutput(graph, `g${i}`, gradient);
      expect(gradient.shape).toEqual(inputs[i]!.shape);
    });
    const session = await createSession(encodeModel(graph, { name: "test", version: "0" }), { threads: 1, optimization: "basic" });
    const run = (data: readonly (readonly number[])[]) =>
      session.run(
        Object.fromEntries(
          data.map((values, i) => [`x${i}`, { dtype, shape: inputs[i]!.shape, data: new arrayOf(values) } satisfies Data]),
        ),
      );
    const at = inputs.map(({ data }) => data);
    const results = await run(at);
    const lossAt = async (point: readonly (readonly number[])[]) => Number((await run(point)).loss!.data[0]);
    for (const [i, { data }] of expected.entries()) {
      const gradient = Array.from(results[`g${i}`]!.data as Float64Array);
      const exact = dtype === "float64" ? 1e-10 : 1e-5;
      for (const [j, value] of gradient.entries()) expect(Math.abs(value - data[j]!)).toBeLessThan(exact * (1 + Math.abs(data[j]!)));
      const moved = (step: readonly number[], size: number) =>
        at.with(
          i,
          at[i]!.map((x, j) => x + size * step[j]!),
        );
      const directions = dtype === "float64" ? gradient.map((_, j) => gradient.map((_, k) => Number(k === j))) : [at[i]!.map(Math.sign)];
      const [size, tolerance] = dtype === "float64" ? [1e-5, 1e-7] : [1e-2, 1e-2];
      for (const direction of directions) {
        const difference = ((await lossAt(moved(direction, size))) - (await lossAt(moved(direction, -size)))) / (2 * size);
        const slope = direction.reduce((sum, d, j) => sum + d * gradient[j]!, 0);
        expect(Math.abs(difference - slope)).toBeLessThan(tolerance * (1 + Math.abs(slope)));
      }
    }
    await session.close();
  });
});

it("names an operator without a rule", () => {
  const graph = createGraph("missing");
  const x = addInput(graph, "x", "float32", [2]);
  const loss = reduceSum(tanh(x), [0], 0);
  const rules = gradients as Record<string, unknown>;
  const rule = rules.Tanh;
  try {
    delete rules.Tanh;
    expect(() => backward(loss, [x])).toThrow(/Tanh has no gradient. Add its rule to lib\/autodiff\/gradients.ts/);
  } finally {
    rules.Tanh = rule;
  }
});

it("names an input that the loss does not depend on", () => {
  const graph = createGraph("unused");
  const [x, y] = [addInput(graph, "x", "float32", [2]), addInput(graph, "y", "float32", [2])];
  expect(() => backward(reduceSum(x, [0], 0), [x, y])).toThrow(/input y/);
});
