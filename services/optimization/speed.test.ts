import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Precision } from "../../lib/bert/precisions.js";
import { meanGraph } from "../../test/graphs.js";
import { chooseTrial, listLayouts, measureThroughput, measureTrials, medianThroughput, type Trial } from "./speed.js";

const layout = { sessions: 1, threads: 1 };
const trial = (precision: Precision, throughputs: number[] = []): Trial => ({ precision, layout, throughputs });

describe("listLayouts", () => {
  it("tries one thread a session, one session, and what lies between", () => {
    expect(listLayouts(1)).toEqual([{ sessions: 1, threads: 1 }]);
    expect(listLayouts(2)).toEqual([
      { sessions: 2, threads: 1 },
      { sessions: 1, threads: 2 },
    ]);
    expect(listLayouts(8)).toEqual([
      { sessions: 8, threads: 1 },
      { sessions: 4, threads: 2 },
      { sessions: 1, threads: 8 },
    ]);
  });

  it("never uses more threads than there are cores", () => {
    for (let cores = 1; cores < 100; cores++)
      for (const { sessions, threads } of listLayouts(cores)) expect(sessions * threads).toBeLessThanOrEqual(cores);
  });
});

describe("chooseTrial", () => {
  it("takes the fastest by its median", () => {
    expect(chooseTrial([trial("fp32", [10, 11, 100]), trial("int8", [20, 1, 21])]).precision).toBe("int8");
    expect(medianThroughput(trial("fp32", [4, 1]))).toBe(2.5);
  });

  it("keeps an earlier one that is hardly slower", () => {
    expect(chooseTrial([trial("fp32", [100]), trial("int8", [102])]).precision).toBe("fp32");
  });
});

describe("measureTrials", () => {
  it("measures the fastest in every round, forwards and backwards in turn, and what is far slower once", async () => {
    const speeds: Partial<Record<Precision, number>> = { fp32: 50, int7: 90, int8: 100 };
    const order: Precision[] = [];
    const measured = await measureTrials([trial("fp32"), trial("int7"), trial("int8")], 3, async ({ precision }) => {
      order.push(precision);
      return speeds[precision]!;
    });
    expect(order).toEqual(["fp32", "int7", "int8", "int8", "int7", "int7", "int8"]);
    expect(measured.map(({ throughputs }) => throughputs)).toEqual([[50], [90, 90, 90], [100, 100, 100]]);
  });
});

describe("measureThroughput", () => {
  const folder = mkdtempSync(join(tmpdir(), "readability-speed-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const graph = join(folder, "graph.onnx");
  writeFileSync(graph, meanGraph());
  const measuring = { texts: [[5, 6, 7]], seconds: 0.05 };

  it("runs the graph", async () => {
    expect(
      await measureThroughput(graph, { sessions: 2, threads: 1 }, { ...measuring, signal: new AbortController().signal }),
    ).toBeGreaterThan(1);
  });

  it("stops when it is told to", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(measureThroughput(graph, layout, { ...measuring, signal })).rejects.toThrow("enough");
  });
});
