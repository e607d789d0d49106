import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { keepLog, until } from "../../test/fakes.js";
import { createFakeEngine, fakeWorkers } from "../../test/workers.js";
import { createScheduler } from "./scheduler.js";
import { createWorkerPool } from "./worker-pool.js";

async function createFake(options: Parameters<typeof createFakeEngine>[0] = {}) {
  const created = await createFakeEngine(options);
  const scheduler = createScheduler();
  const score = (id: number, limits = {}) => scheduler.score(created.engine, [id], limits);
  return { ...created, scheduler, score };
}

it("fails a text that the graph refuses, and keeps its worker", async () => {
  const { score, runs, finish, fake } = await createFake();
  const bad = score(1);
  runs[0]!.refuse();
  await expect(bad).rejects.toMatchObject({ code: "run-failed" });
  const good = score(2);
  await finish(2);
  expect(await good).toBe(1);
  expect(fake.starts).toBe(1);
});

it("replaces a worker that died and runs its text again, before the others", async () => {
  const { score, runs, ids, finish, fake } = await createFake();
  const scores = [1, 2].map((id) => score(id));
  runs[0]!.lose();
  await until(() => runs.length === 1);
  expect(ids()).toEqual([1]);
  for (const id of [1, 2]) await finish(id);
  expect(await Promise.all(scores)).toEqual([0.5, 1]);
  expect(fake.starts).toBe(2);
});

it("fails a text that kills four workers, and serves the others", async () => {
  const { score, runs, finish } = await createFake();
  const bad = score(1);
  const good = score(2);
  const failed = expect(bad).rejects.toMatchObject({ code: "session-lost", status: 500 });
  for (let losses = 0; losses < 4; losses++) {
    await until(() => runs[0]?.id === 1);
    runs[0]!.lose();
  }
  await failed;
  await finish(2);
  expect(await good).toBe(1);
});

it("does not run a lost text again that was cancelled, or whose time is up", async () => {
  const { score, runs, finish } = await createFake();
  const controller = new AbortController();
  const cancelled = score(1, { signal: controller.signal });
  controller.abort("gone");
  await expect(cancelled).rejects.toBe("gone");
  runs[0]!.lose();
  const late = score(2, { queueTimeout: 5 });
  await until(() => runs[0]?.id === 2);
  await new Promise((resolve) => setTimeout(resolve, 10));
  runs[0]!.lose();
  await expect(late).rejects.toMatchObject({ code: "queue-timeout" });
  const good = score(3);
  await finish(3);
  expect(await good).toBe(1.5);
});

it("tries again and again to replace its last worker, failing what waits meanwhile", async () => {
  vi.useFakeTimers();
  try {
    const { engine, score, runs, fake } = await createFake();
    const failed = Promise.all([1, 2].map((id) => expect(score(id)).rejects.toMatchObject({ code: "bad-graph" })));
    fake.breakStarts(true);
    runs[0]!.lose();
    await failed;
    expect(await engine.ready()).toBe(false);
    await vi.advanceTimersByTimeAsync(1000);
    expect(fake.starts).toBe(3);
    fake.breakStarts(false);
    await vi.advanceTimersByTimeAsync(2000);
    expect(await engine.ready()).toBe(true);
    const good = score(3);
    runs[0]!.finish();
    expect(await good).toBe(1.5);
  } finally {
    vi.useRealTimers();
  }
});

it("replaces no worker by one with another graph", async () => {
  const folder = mkdtempSync(join(tmpdir(), "engine-"));
  const file = join(folder, "model.onnx");
  writeFileSync(file, "one");
  const { lines, log } = keepLog();
  const { engine, score, runs, fake } = await createFake({ graph: file, workers: 2, log });
  const lost = score(1);
  writeFileSync(file, "other");
  runs[0]!.lose();
  await until(() => lines.some((line) => line.includes("it has changed since it was loaded")));
  runs[0]!.finish();
  expect([await lost, fake.starts, engine.workers]).toEqual([0.5, 2, 1]);
  await engine.close();
  rmSync(folder, { recursive: true });
});

it("stops the workers that did start if another does not", async () => {
  const fake = fakeWorkers();
  const start = async () => {
    fake.breakStarts(fake.starts === 1);
    return fake.start();
  };
  await expect(createWorkerPool(2, start, undefined)).rejects.toMatchObject({ code: "bad-graph" });
  expect(fake.stopped).toHaveLength(1);
});

it("refuses texts once it is closed, also those that wait", async () => {
  const { engine, score, finish, scheduler } = await createFake();
  const running = score(1);
  const waiting = score(2);
  const closed = engine.close();
  await expect(waiting).rejects.toMatchObject({ code: "closed", status: 503 });
  await expect(score(3)).rejects.toMatchObject({ code: "closed" });
  await finish(1);
  expect(await running).toBe(0.5);
  await closed;
  expect([await engine.ready(), scheduler.stats.queued]).toEqual([false, 0]);
});
