import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { keepLog } from "../../test/fakes.js";
import { meanGraph, meanScore } from "../../test/graphs.js";
import { writeRepository } from "../../test/repositories.js";
import { countCores } from "../system/cores.js";
import { chooseLayout, openVersion } from "./open-version.js";
import { createScheduler } from "./scheduler.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "version-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ids = [3, 4, 5];
const overflown = meanGraph(Number.NaN);

it("opens a version whose scores hold", async () => {
  const { lines, log } = keepLog();
  const engine = await openVersion(writeRepository(folder, { graph: meanGraph(0.009) }), { log });
  expect(await createScheduler().score(engine, ids)).toBe(meanScore(ids, 0.009));
  expect(engine.graph).toMatch(/model\.onnx$/);
  expect(engine.workers).toBe(countCores());
  expect(lines).toEqual([]);
  await engine.close();
});

it.each([
  ["off by more than the tolerance", meanGraph(0.02)],
  ["no numbers", overflown],
])("falls back, loudly, to the float32 graph where the scores are %s", async (_, graph) => {
  const { lines, log } = keepLog();
  const engine = await openVersion(writeRepository(folder, { graph }), { log, workers: 3 });
  expect(await createScheduler().score(engine, ids)).toBe(meanScore(ids));
  expect(engine.graph).toMatch(/model_fp32\.onnx$/);
  expect(engine.workers).toBe(3);
  expect(JSON.parse(lines[0]!)).toMatchObject({
    level: 40,
    model: "readability",
    version: 1,
    msg: expect.stringContaining("falling back"),
  });
  await engine.close();
});

it("opens no version whose float32 graph is wrong too, or missing", async () => {
  const wrong = writeRepository(folder, { graph: overflown, fallback: meanGraph(1) });
  await expect(openVersion(wrong)).rejects.toMatchObject({ code: "wrong-scores", message: expect.stringContaining("model_fp32.onnx") });
  const missing = writeRepository(folder, { version: 2, graph: overflown, fallback: null });
  await expect(openVersion(missing)).rejects.toMatchObject({
    code: "wrong-scores",
    message: expect.stringContaining(join("2", "model.onnx")),
  });
});

it("keeps the measured layout if this machine has as many cores, else takes a worker a core", () => {
  expect(chooseLayout({ sessions: 2, threads: 2 }, undefined, 4)).toEqual({ workers: 2, threads: 2 });
  expect(chooseLayout({ sessions: 2, threads: 1 }, undefined, 8)).toEqual({ workers: 8, threads: 1 });
  expect(chooseLayout({ sessions: 8, threads: 1 }, undefined, 1)).toEqual({ workers: 1, threads: 1 });
  expect(chooseLayout({ sessions: 2, threads: 1 }, 5, 2)).toEqual({ workers: 5, threads: 1 });
});
