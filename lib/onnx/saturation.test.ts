import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { expect, it } from "vitest";
import { producer } from "../producer.js";
import { addInput, addOutput, createGraph } from "./graph.js";
import { encodeModel } from "./model.js";
import { dynamicQuantizeMatMul } from "./ops.js";
import { findLargestWeight, isSaturating } from "./saturation.js";
import { createSession } from "./session.js";

/** What Linux says of the processor. */
const flags =
  process.platform === "linux" && process.arch === "x64"
    ? new Set(/^flags\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" "))
    : undefined;

it.skipIf(flags === undefined)(`finds out whether 8-bit products overflow (${cpus()[0]?.model})`, async () => {
  const exact = ["avx512_vnni", "avx_vnni", "amx_int8"].some((flag) => flags!.has(flag));
  expect(await isSaturating()).toBe(!exact);
});

it("finds a weight whose products are exact at all sizes of a matrix", async () => {
  const largest = await findLargestWeight();
  expect([63, 127]).toContain(largest);
  for (const [rows, inner, columns] of [
    [1, 384, 384],
    [7, 96, 33],
    [64, 32, 128],
  ] as const) {
    const graph = createGraph("test");
    const x = addInput(graph, "x", "float32", [rows, inner]);
    const [weight, scale] = [addInput(graph, "weight", "int8", [inner, columns]), addInput(graph, "scale", "float32", [columns])];
    addOutput(graph, "y", dynamicQuantizeMatMul(x, weight, scale, undefined, undefined));
    const session = await createSession(encodeModel(graph, producer), { threads: 1, optimization: "all" });
    // Signs alternate by column: sums may saturate at either end.
    const signs = Int8Array.from({ length: inner * columns }, (_, i) => ((i % columns) % 2 === 0 ? largest : -largest));
    const { y } = await session.run({
      x: { dtype: "float32", shape: [rows, inner], data: new Float32Array(rows * inner).fill(1) },
      weight: { dtype: "int8", shape: [inner, columns], data: signs },
      scale: { dtype: "float32", shape: [columns], data: new Float32Array(columns).fill(1) },
    });
    await session.close();
    (y!.data as Float32Array).forEach((value, i) => {
      expect(Math.abs(value - inner * signs[i % columns]!)).toBeLessThan(1);
    });
  }
});
