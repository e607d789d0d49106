import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, it } from "vitest";
import { keepLog } from "../../test/fakes.js";
import { meanGraph, meanScore, slowGraph, tableGraph } from "../../test/graphs.js";
import { compiled } from "../system/package-files.js";
import { createLocalEngine } from "./local-engine.js";
import { createScheduler } from "./scheduler.js";
import { startWorker } from "./worker-pool.js";

const folder = mkdtempSync(join(tmpdir(), "engine-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("loads a graph from a file or from bytes and scores a text", async () => {
  const file = join(folder, "mean.onnx");
  writeFileSync(file, meanGraph());
  for (const graph of [file, meanGraph()]) {
    const engine = await createLocalEngine({ graph, workers: 1 });
    expect(engine.inputs).toEqual(["input_ids", "attention_mask", "token_type_ids"]);
    const scheduler = createScheduler();
    expect(await scheduler.score(engine, [3, 4, 6])).toBe(meanScore([3, 4, 6]));
    expect(scheduler.stats.computeSeconds).toBeGreaterThan(0);
    await engine.close();
  }
});

it("gives the graph a text's types, and its mask", async () => {
  const engine = await createLocalEngine({ graph: meanGraph(), workers: 2 });
  const { logits } = await createScheduler().run(engine, [
    { ids: BigInt64Array.of(3n, 4n), types: BigInt64Array.of(0n, 1n) },
    { ids: BigInt64Array.of(1n, 2n, 3n, 4n), mask: BigInt64Array.of(1n, 0n, 1n, 0n), types: new BigInt64Array(4) },
  ]);
  const holes = meanScore([1, 0, 3, 0]); // a mask with holes is the graph's to read
  expect(logits).toEqual(Float32Array.of(meanScore([3, 5]), holes));
  await engine.close();
});

it("refuses a graph that is missing, that is none, or that has other inputs, naming the file", async () => {
  const missing = join(folder, "missing.onnx");
  await expect(createLocalEngine({ graph: missing, workers: 1 })).rejects.toMatchObject({
    code: "no-file",
    message: expect.stringContaining(missing),
  });
  const broken = join(folder, "broken.onnx");
  writeFileSync(broken, "this is no graph");
  await expect(createLocalEngine({ graph: broken, workers: 2 })).rejects.toMatchObject({
    code: "bad-graph",
    message: expect.stringContaining(broken),
  });
  await expect(createLocalEngine({ graph: Buffer.from("nor is this"), workers: 1 })).rejects.toMatchObject({ code: "bad-graph" });
  const other = Buffer.from(meanGraph()).toString("latin1").replaceAll("input_ids", "other_ids");
  const graph = Buffer.from(other, "latin1");
  await expect(createLocalEngine({ graph, workers: 1 })).rejects.toMatchObject({
    code: "bad-graph",
    message: expect.stringContaining("other_ids"),
  });
});

it("gives the same bits at any load", async () => {
  const engine = await createLocalEngine({ graph: meanGraph(), workers: 2 });
  const scheduler = createScheduler();
  const texts = Array.from({ length: 60 }, (_, i) => Array.from({ length: 1 + ((i * 7) % 40) }, (_, j) => (i * 31 + j * 17) % 1000));
  const alone: number[] = [];
  for (const ids of texts) alone.push(await scheduler.score(engine, ids));
  expect(await Promise.all(texts.map((ids) => scheduler.score(engine, ids)))).toEqual(alone);
  await engine.close();
});

it("fails what the graph refuses, and scores on", async () => {
  const engine = await createLocalEngine({ graph: tableGraph(10), workers: 1 });
  const scheduler = createScheduler();
  await expect(scheduler.score(engine, [10])).rejects.toMatchObject({
    code: "run-failed",
    message: expect.stringContaining("out of data bounds"),
  });
  expect(await scheduler.score(engine, [9])).toBeCloseTo(0.9);
  await engine.close();
});

it("loses no request when threads crash", async () => {
  const { lines, log } = keepLog();
  const crashing = join(folder, "crashing.mjs");
  // A text whose first id is 99 always brings its thread down, those of 5 and 11 once: the one that creates the folder.
  writeFileSync(
    crashing,
    `import { mkdirSync } from "node:fs";
    import { parentPort } from "node:worker_threads";
    const crash = () => process.nextTick(() => { throw new Error("a crash"); });
    parentPort.on("message", ({ ids: [id] = [] }) => {
      if (id === 99n) crash();
      if (id === 5n || id === 11n) try { mkdirSync(${JSON.stringify(folder)} + "/" + id); crash(); } catch {}
    });
    await import(${JSON.stringify(pathToFileURL(compiled("lib/serving/worker")).href)});`,
  );
  const engine = await createLocalEngine({ graph: slowGraph(1), workers: 2, log }, (graph, threads) =>
    startWorker(graph, threads, crashing),
  );
  const scheduler = createScheduler();
  const texts = Array.from({ length: 24 }, (_, i) => [i, i + 1]);
  const scores = texts.map((ids) => scheduler.score(engine, ids));
  await expect(scheduler.score(engine, [99])).rejects.toMatchObject({ code: "session-lost", message: expect.stringContaining("a crash") });
  expect(await Promise.all(scores)).toEqual(texts.map((ids) => meanScore(ids)));
  expect(lines.filter((line) => line.includes("is being replaced"))).toHaveLength(6);
  expect(scheduler.stats).toMatchObject({ queued: 0, running: 0, done: 24 });
  await engine.close();
});

it("stops a thread after the run in progress", async () => {
  const worker = await startWorker(slowGraph(4), 1);
  const run = worker.run({ ids: BigInt64Array.of(7n) });
  await worker.stop();
  expect(await run).toMatchObject({ logit: 1 });
  expect(await worker.ended).toBe("it ended with code 0");
});
