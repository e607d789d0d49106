import fc from "fast-check";
import { expect, it } from "vitest";
import { holdEngine, until } from "../../test/fakes.js";
import { createFakeEngine } from "../../test/workers.js";
import { failure } from "../errors/errors.js";
import type { Engine, Run } from "./engine.js";
import { createScheduler, type SchedulerOptions } from "./scheduler.js";

/** A scheduler over one fake engine. */
async function createFake({ workers = 1, ...options }: SchedulerOptions & { readonly workers?: number } = {}) {
  const { fake, engine, ...rest } = await createFakeEngine({ workers });
  const scheduler = createScheduler(options);
  const score = (id: number, limits = {}) => scheduler.score(engine, [id], limits);
  const run = (ids: readonly number[], limits = {}) =>
    scheduler.run(
      engine,
      ids.map((id) => [id]),
      limits,
    );
  return { ...rest, engine, scheduler, score, run };
}

it("runs one window a lane, the others in the order they came", async () => {
  const { scheduler, score, ids, finish } = await createFake({ workers: 2 });
  const scores = [1, 2, 3, 4].map((id) => score(id));
  expect(ids()).toEqual([1, 2]);
  expect(scheduler.stats).toMatchObject({ queued: 2, running: 2, done: 0 });
  await finish(2);
  await until(() => ids().includes(3));
  expect(ids()).toEqual([1, 3]);
  for (const id of [1, 3, 4]) await finish(id);
  expect(await Promise.all(scores)).toEqual([0.5, 1, 1.5, 2]);
  expect(scheduler.stats).toMatchObject({ queued: 0, running: 0, done: 4 });
});

it("uses no more lanes than its width", async () => {
  const engine = holdEngine();
  const scheduler = createScheduler({ width: 2 });
  const done: number[] = [];
  const all = [10, 11, 12, 13, 14].map((id) => scheduler.score(engine, [id]).then(() => done.push(id)));
  for (const count of [1, 2, 3, 4, 5]) {
    expect(engine.held).toBe(Math.min(2, 6 - count));
    engine.release();
    await until(() => done.length === count);
  }
  await Promise.all(all);
  expect(done).toEqual([10, 11, 12, 13, 14]);
});

it("answers the windows of a request in their order, with what each waited and ran", async () => {
  const { run, finish } = await createFake({ workers: 2, now: () => 0 });
  const scored = run([5, 6, 7]);
  for (const id of [6, 7, 5]) await finish(id, id);
  const timings = [5, 6, 7].map((computeSeconds) => expect.objectContaining({ queueSeconds: 0, computeSeconds }));
  expect(await scored).toEqual({ logits: Float32Array.of(2.5, 3, 3.5), timings });
});

it("queues as many windows of a request at a time as it is told", async () => {
  const { scheduler, run, score, ids, finish } = await createFake();
  const long = run([1, 2, 3, 4], { atOnce: 2 });
  const short = score(9);
  expect(scheduler.stats).toMatchObject({ running: 1, queued: 2 });
  const order: number[] = [];
  for (let i = 0; i < 5; i++) {
    await until(() => ids().length === 1);
    order.push(ids()[0]!);
    await finish(ids()[0]!);
  }
  expect(order).toEqual([1, 2, 9, 3, 4]);
  expect([(await long).logits, await short]).toEqual([Float32Array.of(0.5, 1, 1.5, 2), 4.5]);
});

it("refuses what is more than may wait, and says when to come back", async () => {
  const { scheduler, score, run, finish } = await createFake({ maxWaiting: 2 });
  const scores = [2, 3, 4].map((id) => score(id));
  await expect(score(5)).rejects.toMatchObject({ code: "overloaded", status: 503, retryAfter: 1 });
  await expect(run([1, 2, 3])).rejects.toMatchObject({ code: "batch-too-large", status: 400 });
  for (const id of [2, 3, 4]) await finish(id);
  expect(await Promise.all(scores)).toEqual([1, 1.5, 2]);
  expect(scheduler.stats.done).toBe(3);
});

it("refuses a request more than it may accept, until one is answered", async () => {
  const { score, finish } = await createFake({ workers: 2, maxRequests: 2 });
  const scores = [1, 2].map((id) => score(id));
  await expect(score(3)).rejects.toMatchObject({ code: "overloaded" });
  await finish(1);
  expect(await scores[0]).toBe(0.5);
  const next = score(3);
  for (const id of [2, 3]) await finish(id);
  expect(await Promise.all([scores[1], next])).toEqual([1, 1.5]);
});

it("expects a wait by the throughput of the queue, not by a burst's own arrival, and refuses what would wait too long", async () => {
  const engine = holdEngine();
  let time = 0;
  const scheduler = createScheduler({ width: 2, now: () => time });
  const depart = async (seconds: number) => {
    const { done } = scheduler.stats;
    time += 1000 * seconds;
    engine.release();
    await until(() => scheduler.stats.done === done + 1);
  };
  const scores = Array.from({ length: 70 }, () => scheduler.run(engine, [[10]]));
  await depart(60); // all that came at once had to be read first
  for (let i = 0; i < 62; i++) await depart(0.75);
  expect(scheduler.retryAfter()).toBe(1); // too few have told the throughput
  await depart(0.75);
  expect([scheduler.stats.queued, scheduler.retryAfter()]).toEqual([4, Math.ceil(4 * 0.75)]);
  await expect(scheduler.score(engine, [10], { timeout: 2900 })).rejects.toMatchObject({ code: "overloaded", retryAfter: 3 });
  await expect(scheduler.score(engine, [10], { queueTimeout: 2900 })).rejects.toMatchObject({ code: "overloaded", retryAfter: 3 });
  const patient = scheduler.score(engine, [10], { timeout: 100_000 });
  for (let i = 0; i < 7; i++) await depart(0.75);
  await patient;
  expect(scheduler.retryAfter()).toBe(1);
  const waits = (await Promise.all(scores)).map(({ timings }) => timings[0]!.queueSeconds);
  expect(waits).toEqual([0, 0, ...Array.from({ length: 68 }, (_, i) => 60 + 0.75 * i)]);
});

it("gives up a window that still waits at its deadline, not one that runs", async () => {
  const { scheduler, score, ids, finish } = await createFake();
  const running = score(1, { queueTimeout: 5 });
  await expect(score(2, { queueTimeout: 5 })).rejects.toMatchObject({ code: "queue-timeout", status: 503 });
  expect(scheduler.stats.queued).toBe(0);
  expect(ids()).toEqual([1]);
  await finish(1);
  expect(await running).toBe(0.5);
});

it("gives up every waiting window of a request whose deadline passed", async () => {
  const { scheduler, run, finish } = await createFake();
  await expect(run([1, 2, 3], { queueTimeout: 5 })).rejects.toMatchObject({ code: "queue-timeout" });
  expect(scheduler.stats).toMatchObject({ queued: 0, running: 1 });
  await finish(1);
  await until(() => scheduler.stats.running === 0);
});

it("answers at the deadline even if a window is running", async () => {
  const { scheduler, run, score, finish } = await createFake();
  await expect(run([1, 2], { timeout: 5 })).rejects.toMatchObject({ code: "timed-out", status: 504 });
  expect(scheduler.stats).toMatchObject({ queued: 0, running: 1 });
  const next = score(3);
  for (const id of [1, 3]) await finish(id);
  expect(await next).toBe(1.5);
});

it("tells the engine what time is left", async () => {
  const left: number[] = [];
  let time = 0;
  const engine: Engine = {
    ...holdEngine(),
    run: async (_, { timeout }) => {
      left.push(timeout);
      time += 100;
      return { logit: 1, seconds: 0.1 };
    },
  };
  const scheduler = createScheduler({ width: 1, now: () => time });
  await scheduler.run(engine, [[1], [2]], { timeout: 1000 });
  await scheduler.run(engine, [[1]], { queueTimeout: 1000 });
  expect(left).toEqual([1000, 900, Infinity]);
});

it("gives up what is cancelled, waiting or running, and goes on", async () => {
  const { scheduler, score, ids, finish } = await createFake();
  const controllers = [1, 2, 3].map(() => new AbortController());
  const settled = Promise.allSettled(controllers.map(({ signal }, i) => score(i + 1, { signal })));
  controllers[1]!.abort("gone");
  expect(scheduler.stats.queued).toBe(1);
  controllers[0]!.abort("gone too");
  expect(ids()).toEqual([1]);
  for (const id of [1, 3]) await finish(id);
  expect(await settled).toEqual([
    { status: "rejected", reason: "gone too" },
    { status: "rejected", reason: "gone" },
    { status: "fulfilled", value: 1.5 },
  ]);
  await expect(score(4, { signal: AbortSignal.abort("before") })).rejects.toBe("before");
  expect(ids()).toEqual([]);
});

it("passes the lane of a failed window on, and drops the others of its request", async () => {
  const { scheduler, run, score, runs, finish } = await createFake();
  const bad = run([1, 2, 3]);
  const good = score(4);
  runs[0]!.refuse();
  await expect(bad).rejects.toMatchObject({ code: "run-failed" });
  await finish(4);
  expect(await good).toBe(2);
  expect(scheduler.stats).toMatchObject({ queued: 0, running: 0, done: 1 });
});

it("serves a second engine while the first one's lanes are busy", async () => {
  const { scheduler, score, finish } = await createFake();
  const other = await createFakeEngine();
  const scores = [score(1), score(2), scheduler.score(other.engine, [3])];
  expect(other.ids()).toEqual([3]);
  expect(scheduler.stats).toMatchObject({ running: 2, queued: 1 });
  await other.finish(3);
  for (const id of [1, 2]) await finish(id);
  expect(await Promise.all(scores)).toEqual([0.5, 1, 1.5]);
});

it("accepts a request once, however often its windows run", async () => {
  const { scheduler, engine, score, finish } = await createFake({ maxRequests: 1 });
  const answer = scheduler.accept({ timeout: 60_000 }, async (run) => {
    const [first] = (await run(engine, [[1]])).logits;
    return [first, ...(await run(engine, [[2]])).logits];
  });
  await finish(1);
  await expect(score(3)).rejects.toMatchObject({ code: "overloaded" });
  await finish(2);
  expect(await answer).toEqual([0.5, 1]);
});

it("answers what it accepted before it closes, and accepts no more", async () => {
  const { scheduler, engine, score, finish, stopped } = await createFake({ workers: 2 });
  const scores = [1, 2, 3].map((id) => score(id));
  let closed = false;
  const closing = scheduler.close().then(() => {
    closed = true;
  });
  await expect(score(4)).rejects.toMatchObject({ code: "closed", status: 503 });
  for (const id of [1, 2]) await finish(id);
  expect(closed).toBe(false);
  await finish(3);
  expect(await Promise.all(scores)).toEqual([0.5, 1, 1.5]);
  await closing;
  expect(stopped).toHaveLength(0);
  await engine.close();
  expect(stopped).toHaveLength(2);
});

it("is first in, first out, whatever is cancelled, refused or lost", async () => {
  const steps = fc.array(fc.tuple(fc.constantFrom("come", "cancel", "finish", "refuse", "lose"), fc.nat(20)), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3 }), steps, async (lanes, steps) => {
      const engine = laneEngine(lanes);
      const scheduler = createScheduler();
      const controllers: AbortController[] = [];
      const settled: Promise<unknown>[] = [];
      const losses = new Map<number, number>();
      // What should happen, by the plainest means.
      let [queue, running]: number[][] = [[], []];
      const fill = () => {
        while (running!.length < lanes && queue!.length > 0) running!.push(queue!.shift()!);
      };
      for (const [step, n] of steps) {
        const id = running![n % Math.max(1, running!.length)];
        if (step === "come") {
          const controller = new AbortController();
          queue!.push(controllers.push(controller) - 1);
          settled.push(scheduler.score(engine, [controllers.length - 1], { signal: controller.signal }).catch(() => {}));
        } else if (step === "cancel") {
          controllers[n]?.abort("gone");
          queue = queue!.filter((other) => other !== n);
        } else if (id !== undefined) {
          running = running!.filter((other) => other !== id);
          const lost = (losses.get(id) ?? 0) + 1;
          if (step === "lose") losses.set(id, lost);
          if (step === "lose" && lost <= 3 && !controllers[id]!.signal.aborted) queue!.unshift(id);
          engine.runs.get(id)![step]();
          await new Promise(setImmediate);
        }
        fill();
        expect([...engine.runs.keys()].toSorted()).toEqual(running!.toSorted());
        expect(scheduler.stats).toMatchObject({ queued: queue!.length, running: running!.length });
      }
      while (engine.runs.size > 0) {
        for (const run of engine.runs.values()) run.finish();
        await new Promise(setImmediate);
      }
      await Promise.all(settled);
    }),
  );
});

/** An engine of lanes, each of whose runs ends as it is told; a lost lane is replaced at once. */
function laneEngine(lanes: number) {
  const runs = new Map<number, Record<"finish" | "refuse" | "lose", () => void>>();
  return {
    runs,
    get free() {
      return lanes - runs.size;
    },
    ready: async () => true,
    close: async () => {},
    run: ([id]: readonly number[]) =>
      new Promise<Run>((resolve, reject) => {
        const end = (settle: () => void) => () => {
          runs.delete(id!);
          settle();
        };
        runs.set(id!, {
          finish: end(() => resolve({ logit: 0, seconds: 0 })),
          refuse: end(() => reject(failure("run-failed", { problem: "bad id" }))),
          lose: end(() => reject(failure("session-lost", { cause: "killed" }))),
        });
      }),
  };
}
