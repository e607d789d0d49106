import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Precision } from "../../lib/bert/precisions.js";
import { openCache } from "./cache.js";
import { type Measurements, type SearchOptions, search } from "./search.js";

const folder = mkdtempSync(join(tmpdir(), "readability-search-"));
afterAll(() => rmSync(folder, { recursive: true }));
let caches = 0;
const emptyCache = () => openCache(join(folder, `${caches++}.json`), "key", false);

const exact = [1, 2, 3, 4];
const reference = 9;
const layouts = [
  { sessions: 2, threads: 1 },
  { sessions: 1, threads: 2 },
];
const options: SearchOptions = {
  ...{ target: "cpu", precision: "auto", layers: 6, layouts, rounds: 2 },
  ...{ targets: exact, margin: 0.1, expected: undefined },
};

/** A machine on which precisions are off by so much, and run at so many texts a second in the first layout, half of it in the other. */
function imagine(
  errors: Partial<Record<Precision, number>>,
  throughputs: Partial<Record<Precision, number>>,
  { saturating = false, peak = 100 } = {},
) {
  const asked: string[] = [];
  const measurements: Measurements = {
    async score(precision) {
      asked.push(precision);
      const error = precision === "fp32" ? 0 : errors[precision]!;
      return { rows: exact.map((score) => score + error), references: [reference + error] };
    },
    excerpts: async (precision) => [errors[precision] ?? 0],
    async throughput({ precision, layout }) {
      asked.push(`${precision} ${layout.sessions}`);
      return throughputs[precision]! / layout.threads;
    },
    saturating: async () => saturating,
    peak: async () => peak,
  };
  return { measurements, asked };
}

describe("search", () => {
  it("keeps the fastest of what passes the gate, in its fastest layout", async () => {
    const { measurements, asked } = imagine({ int8: 0.05 }, { fp32: 10, int8: 20 });
    const found = await search(options, measurements, emptyCache());
    expect(found.kept).toMatchObject({ precision: "int8", layout: layouts[0] });
    expect(found.references).toEqual([reference]);
    expect(found.excerpts).toEqual([0.05]); // of int8
    expect(found.served.accuracy.rmse).toBeCloseTo(0.05, 12);
    expect(found.trials.map(({ throughputs }) => throughputs.length)).toEqual([1, 1, 2, 1]); // what is far slower is measured once
    expect(asked.slice(0, 2)).toEqual(["fp32", "int8"]);
  });

  it.each([
    { saturating: false, tried: ["int8", "int8-last", "int8-first"] },
    { saturating: true, tried: ["int7", "int7-last", "int7-first"] },
  ])("tries more accurate ones only until one passes (saturating: $saturating)", async ({ saturating, tried }) => {
    const errors = Object.fromEntries(tried.map((precision, i) => [precision, [0.3, 0.2, 0.05][i]]));
    const rates = Object.fromEntries([["fp32", 10], ...tried.map((precision) => [precision, 15])]);
    const { measurements } = imagine(errors, rates, { saturating });
    const { gate, kept } = await search(options, measurements, emptyCache());
    expect(gate.results.map(({ precision, passed }) => [precision, passed])).toEqual([
      ["fp32", true],
      [tried[0], false],
      [tried[1], false],
      [tried[2], true],
    ]);
    expect(kept.precision).toBe(tried[2]);
  });

  it("serves fp32 where nothing else passes, or nothing is clearly faster", async () => {
    const failing = { int8: 1, "int8-last": 1, "int8-first": 1, "int8-ends": Number.NaN };
    const none = await search(options, imagine(failing, { fp32: 10 }).measurements, emptyCache());
    expect([none.kept.precision, none.trials.length]).toEqual(["fp32", 2]);
    const equal = await search(options, imagine({ int8: 0 }, { fp32: 10, int8: 10.1 }).measurements, emptyCache());
    expect(equal.kept.precision).toBe("fp32");
    await expect(search({ ...options, precision: "int8" }, imagine(failing, {}).measurements, emptyCache())).rejects.toMatchObject({
      code: "gate-failed",
      message: expect.stringMatching(/^int8 fails/),
    });
  });

  it.each([
    [1, ["int8"]],
    [2, ["int8", "int8-last", "int8-first"]],
    [3, ["int8", "int8-last", "int8-first", "int8-ends"]],
  ])("keeps no layer exact that is the last one in integers, of %i", async (layers, tried) => {
    const failing = { int8: 1, "int8-last": 1, "int8-first": 1, "int8-ends": 1 };
    const { gate } = await search({ ...options, layers }, imagine(failing, { fp32: 10 }).measurements, emptyCache());
    expect(gate.results.slice(1).map(({ precision }) => precision)).toEqual(tried);
  });

  it("serves the precision that was asked for", async () => {
    const { measurements, asked } = imagine({ int8: 0 }, { fp32: 100, int8: 1 });
    expect((await search({ ...options, precision: "int8" }, measurements, emptyCache())).kept.precision).toBe("int8");
    asked.length = 0;
    expect((await search({ ...options, precision: "fp32" }, measurements, emptyCache())).kept.precision).toBe("fp32");
    expect(asked).not.toContain("int8");
  });

  it("measures no speed for a GPU, and no float16 where values come near its end", async () => {
    const gpu = { ...options, target: "gpu" } as const;
    const { measurements, asked } = imagine({ fp16: 0.01 }, {});
    expect((await search(gpu, measurements, emptyCache())).kept).toEqual({ precision: "fp16", layout: { sessions: 1, threads: 1 } });
    expect(asked).toEqual(["fp32", "fp16"]);
    const large = imagine({ fp16: 0.01 }, {}, { peak: 30_000 }).measurements;
    expect((await search(gpu, large, emptyCache())).kept.precision).toBe("fp32");
    await expect(search({ ...gpu, precision: "fp16" }, large, emptyCache())).rejects.toMatchObject({ code: "values-too-large" });
    const off = imagine({ fp16: 1 }, {}).measurements;
    expect((await search(gpu, off, emptyCache())).kept.precision).toBe("fp32");
  });

  it("measures nothing that the cache knows, and chooses the same", async () => {
    const first = imagine({ int8: 0.01 }, { fp32: 10, int8: 20 });
    const file = join(folder, "known.json");
    const found = await search(options, first.measurements, openCache(file, "key", false));
    // Now fp32 would win; the cache knows it otherwise.
    const second = imagine({ int8: 0.01 }, { fp32: 20, int8: 10 });
    expect(await search(options, second.measurements, openCache(file, "key", false))).toEqual(found);
    expect(second.asked).toEqual([]);
    expect((await search(options, second.measurements, openCache(file, "key", true))).kept.precision).toBe("fp32");
  });
});
