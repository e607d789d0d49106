import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { meanGraph, slowGraph } from "../../test/graphs.js";
import { chooseTrial, listLayouts, measureTrials, medianRate, type Trial } from "./speed.js";

const trial = (graph: string, rates: number[] = []): Trial => ({ graph, layout: { sessions: 1, threads: 1 }, rates });

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
    expect(chooseTrial([trial("a", [10, 11, 100]), trial("b", [20, 1, 21])]).graph).toBe("b");
    expect(medianRate(trial("a", [4, 1]))).toBe(2.5);
  });

  it("keeps an earlier one that is hardly slower", () => {
    expect(chooseTrial([trial("a", [100]), trial("b", [102])]).graph).toBe("a");
  });
});

describe("measureTrials", () => {
  const folder = mkdtempSync(join(tmpdir(), "readability-speed-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, graph: Uint8Array) => {
    writeFileSync(join(folder, name), graph);
    return join(folder, name);
  };
  const fast = write("fast.onnx", meanGraph());
  const slow = write("slow.onnx", slowGraph(5));
  const measuring = { texts: [[5, 6, 7]], seconds: 0.05, rounds: 3, signal: new AbortController().signal };

  it("measures the fastest in every round, and what is far slower once", async () => {
    const trials = [trial(slow), trial(fast)];
    let runs = 0;
    await measureTrials(trials, { ...measuring, onRun: () => runs++ });
    expect(trials.map(({ rates }) => rates.length)).toEqual([1, 3]);
    expect(runs).toBe(4);
    expect(chooseTrial(trials).graph).toBe(fast);
  });

  it("stops when it is told to", async () => {
    const stopped = AbortSignal.abort(new Error("enough"));
    await expect(measureTrials([trial(fast)], { ...measuring, signal: stopped, onRun: () => {} })).rejects.toThrow("enough");
  });
});
