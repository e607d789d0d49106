import { expect, it } from "vitest";
import { addInput, addOutput, createGraph } from "../onnx/graph.js";
import { encodeModel } from "../onnx/model-file.js";
import { createSession, type Data } from "../onnx/session.js";
import { createDropout, dropoutInputs } from "./dropout.js";

const [batch, sequence, width] = [8, 40, 64];
const integers = (values: readonly number[]): Data => ({ dtype: "int32", shape: [values.length], data: Int32Array.from(values) });
const count = (size: number) => Array.from({ length: size }, (_, i) => i);

/** What two sites of dropout leave of ones [batch*sequence, width]. */
async function drop(rate: number, seed: number, rows = count(batch)): Promise<readonly Float32Array[]> {
  const graph = createGraph("dropout");
  const x = addInput(graph, "x", "float32", ["batch*sequence", width]);
  addInput(graph, "mask", "int64", ["batch", "sequence"]);
  const dropout = createDropout(graph, rate);
  for (const site of ["a", "b"]) addOutput(graph, site, dropout(x, "hidden"));
  const session = await createSession(encodeModel(graph, { name: "test", version: "0" }), { threads: 1, optimization: "basic" });
  const results = await session.run({
    x: { dtype: "float32", shape: [rows.length * sequence, width], data: new Float32Array(rows.length * sequence * width).fill(1) },
    mask: { dtype: "int64", shape: [rows.length, sequence], data: new BigInt64Array(rows.length * sequence) },
    [dropoutInputs.seed]: integers([seed]),
    [dropoutInputs.rows]: integers(rows),
    [dropoutInputs.positions]: integers(count(sequence)),
  });
  await session.close();
  return ["a", "b"].map((site) => results[site]!.data as Float32Array);
}

const shareOfZeros = (values: ArrayLike<number>) => Array.from(values).filter((x) => x === 0).length / values.length;

it.each([0.1, 0.5])("zeroes a share of %d of every row, column and text, and scales up the rest", async (rate) => {
  const [mask] = (await drop(rate, 42)) as [Float32Array];
  const total = batch * sequence * width;
  const deviations = (share: number, n: number) => Math.abs(share - rate) / Math.sqrt((rate * (1 - rate)) / n);
  expect(deviations(shareOfZeros(mask), total)).toBeLessThan(4);
  expect(new Set(mask)).toEqual(new Set([0, Math.fround(1 / (1 - rate))]));
  for (let column = 0; column < width; column++) {
    const values = count(batch * sequence).map((row) => mask[row * width + column]!);
    expect(deviations(shareOfZeros(values), values.length)).toBeLessThan(5);
  }
  for (let row = 0; row < batch * sequence; row++) {
    expect(deviations(shareOfZeros(mask.subarray(row * width, (row + 1) * width)), width)).toBeLessThan(6);
  }
});

it("draws masks of neighbours, sites and seeds independently", async () => {
  const [a, b] = (await drop(0.5, 1)) as [Float32Array, Float32Array];
  const [c] = (await drop(0.5, 2)) as [Float32Array];
  const agreement = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + Number(value === y[i]), 0) / x.length;
  const shifted = (x: Float32Array, by: number) => Float32Array.from(x, (_, i) => x[(i + by) % x.length]!);
  for (const other of [b, c, shifted(a, 1), shifted(a, width), shifted(a, width * sequence)])
    expect(Math.abs(agreement(a, other) - 0.5)).toBeLessThan(0.02);
});

it("depends on a row's number, not on its place", async () => {
  const [whole] = (await drop(0.3, 5)) as [Float32Array];
  const [part] = (await drop(0.3, 5, [6, 2])) as [Float32Array];
  const text = (mask: Float32Array, i: number) => Array.from(mask.subarray(i * sequence * width, (i + 1) * sequence * width));
  expect(text(part, 0)).toEqual(text(whole, 6));
  expect(text(part, 1)).toEqual(text(whole, 2));
});
