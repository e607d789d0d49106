import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { keepLog, until } from "../../test/fakes.js";
import { fakeRunners } from "../../test/runners.js";
import { createEngine, type EngineOptions } from "./engine.js";

const graph = new Uint8Array();

async function createFake(options: Partial<EngineOptions> = {}) {
  const fake = fakeRunners();
  const engine = await createEngine({ graph, sessions: 1, ...options }, fake.start);
  return { ...fake, fake, engine };
}

const batchOf = (...ids: number[]) => ({
  batch: ids.length,
  sequence: 1,
  inputIds: BigInt64Array.from(ids, BigInt),
  attentionMask: new BigInt64Array(ids.length).fill(1n),
  tokenTypeIds: new BigInt64Array(ids.length),
});

it("runs one text a session, the others in the order they came", async () => {
  const { engine, ids, finish } = await createFake({ sessions: 2 });
  const scores = [1, 2, 3, 4].map((id) => engine.score([id]));
  expect(ids()).toEqual([1, 2]);
  expect(engine.stats).toMatchObject({ sessions: 2, queued: 2, running: 2, done: 0 });
  await finish(2);
  await until(() => ids().includes(3));
  expect(ids()).toEqual([1, 3]);
  for (const id of [1, 3, 4]) await finish(id);
  expect(await Promise.all(scores)).toEqual([0.5, 1, 1.5, 2]);
  expect(engine.stats).toMatchObject({ queued: 0, running: 0, done: 4 });
});

it("scores the texts of a batch as so many texts and answers in their order", async () => {
  const { engine, finish } = await createFake({ sessions: 2 });
  const scores = engine.run(batchOf(5, 6, 7));
  for (const id of [6, 7, 5]) await finish(id);
  expect(await scores).toEqual(Float32Array.of(2.5, 3, 3.5));
});

it("refuses what does not fit the queue and says when to come back", async () => {
  const { engine, finish } = await createFake({ queueLimit: 2 });
  const first = engine.score([1]);
  await finish(1, 4);
  await first;
  const scores = [2, 3, 4].map((id) => engine.score([id]));
  await expect(engine.score([5])).rejects.toMatchObject({ code: "overloaded", status: 503, retryAfter: 12 });
  await expect(engine.run(batchOf(1, 2, 3))).rejects.toMatchObject({ code: "batch-too-large", status: 400 });
  for (const id of [2, 3, 4]) await finish(id);
  expect(await Promise.all(scores)).toEqual([1, 1.5, 2]);
});

it("refuses at once what would wait longer than it may", async () => {
  const { engine, finish } = await createFake();
  const first = engine.score([1]);
  await finish(1, 10);
  await first;
  const free = engine.score([2], { timeout: 1000 });
  await expect(engine.score([3], { timeout: 1000 })).rejects.toMatchObject({ code: "overloaded", retryAfter: 10 });
  const patient = engine.score([4], { timeout: 20_000 });
  for (const id of [2, 4]) await finish(id);
  expect(await Promise.all([free, patient])).toEqual([1, 2]);
});

it("gives up a text that still waits at its deadline, not one that runs", async () => {
  const { engine, ids, finish } = await createFake();
  const running = engine.score([1], { timeout: 5 });
  await expect(engine.score([2], { timeout: 5 })).rejects.toMatchObject({ code: "queue-timeout", status: 503 });
  expect(engine.stats.queued).toBe(0);
  expect(ids()).toEqual([1]);
  await finish(1);
  expect(await running).toBe(0.5);
});

it("gives up every waiting text of a batch whose deadline passed", async () => {
  const { engine, finish } = await createFake();
  await expect(engine.run(batchOf(1, 2, 3), { timeout: 5 })).rejects.toMatchObject({ code: "queue-timeout" });
  expect(engine.stats).toMatchObject({ queued: 0, running: 1 });
  await finish(1);
  await until(() => engine.stats.running === 0);
});

it("gives up what is cancelled, waiting or running, and goes on", async () => {
  const { engine, ids, finish } = await createFake();
  const controllers = [1, 2, 3].map(() => new AbortController());
  const scores = controllers.map(({ signal }, i) => engine.score([i + 1], { signal }));
  const settled = Promise.allSettled(scores);
  controllers[1]!.abort("gone");
  expect(engine.stats.queued).toBe(1);
  controllers[0]!.abort("gone too");
  expect(ids()).toEqual([1]);
  for (const id of [1, 3]) await finish(id);
  expect(await settled).toEqual([
    { status: "rejected", reason: "gone too" },
    { status: "rejected", reason: "gone" },
    { status: "fulfilled", value: 1.5 },
  ]);
  await expect(engine.score([4], { signal: AbortSignal.abort("before") })).rejects.toBe("before");
  expect(ids()).toEqual([]);
});

it("answers what it accepted before it closes, and takes no more", async () => {
  const { engine, finish, stopped } = await createFake({ sessions: 2 });
  const scores = [1, 2, 3].map((id) => engine.score([id]));
  const closed = engine.close();
  expect(engine.close()).toBe(closed);
  expect(await engine.ready()).toBe(false);
  await expect(engine.score([4])).rejects.toMatchObject({ code: "closed", status: 503 });
  expect(stopped).toHaveLength(0);
  for (const id of [1, 2, 3]) await finish(id);
  expect(await Promise.all(scores)).toEqual([0.5, 1, 1.5]);
  await closed;
  expect(stopped).toHaveLength(2);
});

it("fails a text that the graph refuses, and keeps its session", async () => {
  const { engine, runs, finish, fake } = await createFake();
  const bad = engine.score([1]);
  runs[0]!.refuse();
  await expect(bad).rejects.toMatchObject({ code: "run-failed" });
  const good = engine.score([2]);
  await finish(2);
  expect(await good).toBe(1);
  expect(fake.starts).toBe(1);
});

it("replaces a lost session and runs its text again, before the others", async () => {
  const { engine, runs, ids, finish, fake } = await createFake();
  const scores = [1, 2].map((id) => engine.score([id]));
  runs[0]!.lose();
  await until(() => runs.length === 1);
  expect(ids()).toEqual([1]);
  for (const id of [1, 2]) await finish(id);
  expect(await Promise.all(scores)).toEqual([0.5, 1]);
  expect(fake.starts).toBe(2);
});

it("fails a text that takes four sessions down, and serves the others", async () => {
  const { engine, runs, finish } = await createFake();
  const bad = engine.score([1]);
  const good = engine.score([2]);
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
  const { engine, runs, finish } = await createFake();
  const controller = new AbortController();
  const cancelled = engine.score([1], { signal: controller.signal });
  controller.abort("gone");
  await expect(cancelled).rejects.toBe("gone");
  runs[0]!.lose();
  const late = engine.score([2], { timeout: 5 });
  await until(() => runs[0]?.id === 2);
  await new Promise((resolve) => setTimeout(resolve, 10));
  runs[0]!.lose();
  await expect(late).rejects.toMatchObject({ code: "queue-timeout" });
  const good = engine.score([3]);
  await finish(3);
  expect(await good).toBe(1.5);
});

it("tries again and again to replace its last session, failing what waits meanwhile", async () => {
  vi.useFakeTimers();
  try {
    const { engine, runs, fake } = await createFake();
    const scores = [1, 2].map((id) => engine.score([id]));
    const failed = Promise.all(scores.map((score) => expect(score).rejects.toMatchObject({ code: "bad-graph" })));
    fake.breakStarts(true);
    runs[0]!.lose();
    await failed;
    expect(await engine.ready()).toBe(false);
    await vi.advanceTimersByTimeAsync(1000);
    expect(fake.starts).toBe(3);
    fake.breakStarts(false);
    await vi.advanceTimersByTimeAsync(2000);
    expect(await engine.ready()).toBe(true);
    const good = engine.score([3]);
    runs[0]!.finish();
    expect(await good).toBe(1.5);
  } finally {
    vi.useRealTimers();
  }
});

it("replaces no session by one of another graph", async () => {
  const folder = mkdtempSync(join(tmpdir(), "engine-"));
  const file = join(folder, "model.onnx");
  writeFileSync(file, "one");
  const { lines, log } = keepLog();
  const { engine, runs, fake } = await createFake({ graph: file, sessions: 2, log });
  const lost = engine.score([1]);
  writeFileSync(file, "other");
  runs[0]!.lose();
  await until(() => lines.some((line) => line.includes("it has changed since it was loaded")));
  runs[0]!.finish();
  expect([await lost, fake.starts, engine.stats.sessions]).toEqual([0.5, 2, 1]);
  await engine.close();
  rmSync(folder, { recursive: true });
});

it("stops the sessions that did start where another does not", async () => {
  const fake = fakeRunners();
  const start = async () => {
    fake.breakStarts(fake.starts === 1);
    return fake.start();
  };
  await expect(createEngine({ graph, sessions: 2 }, start)).rejects.toMatchObject({ code: "bad-graph" });
  expect(fake.stopped).toHaveLength(1);
});
