import { fromBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { readTiny } from "../../test/tiny-models.js";
import { backward } from "../autodiff/backward.js";
import { addInput, addOutput, createGraph } from "../onnx/graph.js";
import { encodeModel } from "../onnx/model.js";
import { ModelProtoSchema } from "../onnx/onnx_pb.js";
import { gemm, mul, reduceSum } from "../onnx/ops.js";
import { findLargestWeight } from "../onnx/saturation.js";
import { createSession, type Data } from "../onnx/session.js";
import { producer } from "../producer.js";
import { createRandom } from "../random.js";
import { buildQuantization, largestInput, quantizeProducts } from "./int8-training.js";
import { buildTrainingGraphs } from "./training-graph.js";

const [rows, inner, out] = [24, 64, 32];
const name = "model.layer.0.widen.weight";
const random = createRandom(3);

/** Numbers whose rows differ in size by up to a million. */
function drawRows(columns: number): Data {
  const data = Float32Array.from({ length: rows * columns }, (_, i) => random.normal() * 10 ** ((Math.floor(i / columns) % 7) - 3));
  return { dtype: "float32", shape: [rows, columns], data };
}
const weight: Data = {
  dtype: "float32",
  shape: [out, inner],
  data: Float32Array.from({ length: out * inner }, (_, i) => (i < inner ? 0 : random.normal())), // a row of zeros
};
const bias: Data = { dtype: "float32", shape: [out], data: Float32Array.from({ length: out }, () => random.normal()) };
const feeds = { x: drawRows(inner), [name]: weight, bias, dy: drawRows(out) };

async function runGraph(model: Uint8Array, feeds: Readonly<Record<string, Data>>) {
  const session = await createSession(model, { threads: 1, optimization: "all" });
  const results = await session.run(feeds);
  await session.close();
  return results;
}

/** y = x w' + bias, and gradients of sum(y dy). */
async function runProducts(int8: boolean) {
  const graph = createGraph("test");
  const [x, w] = [addInput(graph, "x", "float32", [rows, inner]), addInput(graph, name, "float32", [out, inner])];
  const [b, dy] = [addInput(graph, "bias", "float32", [out]), addInput(graph, "dy", "float32", [rows, out])];
  const y = gemm(x, w, b, { transB: 1, alpha: 0.5, beta: 2 });
  const gradients = backward(reduceSum(mul(y, dy), [0, 1], 0), [x, w]);
  addOutput(graph, "y", y);
  addOutput(graph, "dx", gradients.get(x)!);
  addOutput(graph, "dw", gradients.get(w)!);
  const quantized = int8 ? quantizeProducts(graph) : [];
  const largest: Data = { dtype: "float32", shape: [], data: new Float32Array([await findLargestWeight()]) };
  const integers = int8 ? await runGraph(buildQuantization(quantized), { [name]: weight, [largestInput]: largest }) : {};
  const results = await runGraph(encodeModel(graph, producer), { ...feeds, ...integers });
  return { integers, y: results.y!, dx: results.dx!, dw: results.dw! };
}

it("multiplies each row to its own precision, and takes weight gradients as they are", async () => {
  const [exact, int8] = [await runProducts(false), await runProducts(true)];
  expect(int8.dw.data).toEqual(exact.dw.data);
  for (const product of ["y", "dx"] as const) {
    const columns = exact[product].shape[1]!;
    for (let row = 0; row < rows; row++) {
      const [a, b] = [exact, int8].map((run) => (run[product].data as Float32Array).subarray(row * columns, (row + 1) * columns));
      const error = Math.hypot(...a!.map((value, i) => value - b![i]!)) / Math.hypot(...a!);
      expect(error, `${product} ${row}`).toBeGreaterThan(0);
      expect(error, `${product} ${row}`).toBeLessThan(0.04);
    }
  }
});

it("makes integers that are the weights but for half a step", async () => {
  const { integers } = await runProducts(true);
  const largest = await findLargestWeight();
  const of = (suffix: string) => integers[`${name}${suffix}`]!.data as Int8Array | Float32Array;
  const [scale, kept, transposed] = [of("'s scale"), of(" in int8"), of(" in int8, transposed")];
  (weight.data as Float32Array).forEach((value, i) => {
    const [row, column] = [Math.floor(i / inner), i % inner];
    expect(Math.abs(kept[i]!)).toBeLessThanOrEqual(largest);
    expect(Math.abs(kept[i]! * scale[row]! - value)).toBeLessThanOrEqual(0.501 * scale[row]!);
    expect(transposed[column * out + row]).toBe(kept[i]);
  });
});

it.each([
  { head: "cls", least: 1 },
  { head: "mean", least: 0 },
] as const)("leaves the head, what is computed for [CLS] alone and evaluation in float32 (head $head)", ({ head, least }) => {
  const { config } = readTiny("bert", head);
  const [fp32, int8] = [buildTrainingGraphs(config, 0), buildTrainingGraphs(config, 0, "int8")];
  const count = (model: Uint8Array) =>
    fromBinary(ModelProtoSchema, model).graph!.node.filter(({ opType }) => opType === "DynamicQuantizeMatMul").length;
  // Six products a layer, forward and backward; of the last one keys and values alone where only [CLS] is wanted.
  expect(count(int8.step)).toBe(2 * (6 * config.layers - 4 * least));
  expect(count(fp32.step)).toBe(0);
  expect(int8.evaluation).toEqual(fp32.evaluation);
  expect(fp32.quantization).toBeUndefined();
});
