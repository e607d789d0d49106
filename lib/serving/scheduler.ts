import { failure, ReadabilityError } from "../errors/errors.js";
import { startTimer, withDeadline } from "../protocol/deadline.js";
import type { Engine, Run } from "./engine.js";
import { measureThroughput } from "./throughput.js";

export interface SchedulerOptions {
  /** Largest number of windows in lanes at the same time. Default: every lane of the engines is used. */
  readonly width?: number;
  /** Largest number of accepted requests in progress. */
  readonly maxRequests?: number;
  /** Largest number of windows that wait for a lane; also the largest number in one request. */
  readonly maxWaiting?: number;
  /** The time in milliseconds. */
  readonly now?: () => number;
}

export interface Limits {
  /** Cancels the request: its waiting windows leave the queue, and it fails with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Milliseconds until the request fails with timed-out, even if its windows are running. */
  readonly timeout?: number;
  /** Milliseconds until the request fails with queue-timeout if one of its windows is still waiting. */
  readonly queueTimeout?: number;
  /** The client's trace (W3C Trace Context), which the engine passes on. */
  readonly traceparent?: string | undefined;
}

export interface Timing {
  /** Seconds that a window waited for a lane, and seconds that it then ran. */
  readonly queueSeconds: number;
  readonly computeSeconds: number;
}

/** Logits and timings of a request's windows, in their order. */
interface Scored {
  readonly logits: Float32Array;
  readonly timings: readonly Timing[];
}

/**
 * Runs windows of an accepted request.
 * @param atOnce how many of them are in the queue or in lanes at the same time, at most
 * @throws queue-timeout; the reason why the request ended; run-failed, session-lost, closed and what else the engine throws
 */
export type RunWindows = <I>(engine: Engine<I>, inputs: readonly I[], atOnce?: number) => Promise<Scored>;

/** Queues windows, first come, first served, for the lanes of one engine or several. */
export interface Scheduler {
  readonly stats: SchedulerStats;
  /** Whole seconds after which a refused client should try again: the expected wait, at least 1. */
  retryAfter(): number;
  /**
   * Accepts a request and does its work; answers at the deadline even if the work goes on. The signal tells the work that it is no
   * longer wanted.
   * @throws closed; overloaded if the limit is reached or the expected wait is longer than the request may take; timed-out; the
   * signal's reason; what the work throws
   */
  accept<T>(limits: Limits, work: (run: RunWindows, signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Accepts a request and runs its windows. @throws batch-too-large and what `accept` and `RunWindows` throw */
  run<I>(engine: Engine<I>, inputs: readonly I[], limits?: Limits & { readonly atOnce?: number }): Promise<Scored>;
  /** The logit of one window. @throws what `run` throws */
  score<I>(engine: Engine<I>, input: I, limits?: Limits): Promise<number>;
  /** Accepts no more requests; resolves when the accepted ones are answered. */
  close(): Promise<void>;
}

interface SchedulerStats {
  /** Numbers of windows that wait, that run, and that have run. */
  readonly queued: number;
  readonly running: number;
  readonly done: number;
  /** Seconds that requests waited until their first window ran, in all. */
  readonly queueSeconds: number;
  /** Seconds that windows ran, in all. */
  readonly computeSeconds: number;
}

interface RunLimits extends Required<Pick<Limits, "signal" | "queueTimeout">>, Pick<Limits, "traceparent"> {
  readonly deadline: number;
  readonly atOnce: number;
}

type AnyEngine = Engine<never>;

/** A window that waits or runs. */
interface Task {
  readonly engine: AnyEngine;
  readonly batch: Batch;
  /** When it joined the queue. */
  readonly joined: number;
  /** Workers that died while they ran it. */
  losses: number;
  run(): Promise<Run>;
  finish(run: Run & Timing): void;
  fail(error: unknown): void;
}

/** The windows of one call of `RunWindows`. */
interface Batch {
  started: boolean;
  /** Set once none of them may wait any longer. */
  stopped?: { readonly error: unknown };
  /** Fails those that wait. */
  stop(error: unknown): void;
}

/** How often a window runs again after its worker died. The window is rarely the cause, unless it happens every time. */
const retries = 3;

/** Creates a scheduler. A lane runs one window at a time, so that a score is the same, bit for bit, at any load. */
export function createScheduler(options: SchedulerOptions = {}): Scheduler {
  const { width = Infinity, maxRequests = Infinity, maxWaiting = Infinity, now = () => performance.now() } = options;
  const queues = new Map<AnyEngine, Set<Task>>(); // only those in which a task waits
  const engines = new WeakSet<AnyEngine>();
  const accepted = new Set<Promise<unknown>>();
  const throughput = measureThroughput(now);
  const totals = { running: 0, done: 0, queueSeconds: 0, computeSeconds: 0 };
  let closing: Promise<unknown> | undefined;

  const countQueued = () => [...queues.values()].reduce((sum, { size }) => sum + size, 0);
  const expectedWait = () => countQueued() * throughput.secondsEach();
  const retryAfter = () => Math.max(1, Math.ceil(expectedWait()));

  function findRefusal({ timeout = Infinity, queueTimeout = Infinity }: Limits): ReadabilityError | undefined {
    if (closing) return failure("closed", {});
    const isFull = accepted.size >= maxRequests || countQueued() >= maxWaiting;
    const isTooSlow = expectedWait() * 1000 > Math.min(timeout, queueTimeout);
    return isFull || isTooSlow ? failure("overloaded", { waiting: countQueued(), retryAfter: retryAfter() }) : undefined;
  }

  function accept<T>(limits: Limits, work: (run: RunWindows, signal: AbortSignal) => Promise<T>): Promise<T> {
    const refusal = findRefusal(limits);
    if (refusal) return Promise.reject(refusal);
    const { signal, timeout = Infinity, queueTimeout = Infinity, traceparent } = limits;
    const deadline = now() + timeout;
    const answer = withDeadline(timeout, signal, (signal) =>
      work(
        (engine, inputs, atOnce = inputs.length) => runAll(engine, inputs, { signal, deadline, queueTimeout, atOnce, traceparent }),
        signal,
      ),
    ).finally(() => accepted.delete(answer));
    accepted.add(answer);
    return answer;
  }

  async function runAll<I>(
    engine: Engine<I>,
    inputs: readonly I[],
    { signal, deadline, queueTimeout, atOnce, traceparent }: RunLimits,
  ): Promise<Scored> {
    signal.throwIfAborted();
    listenTo(engine);
    const tasks: Task[] = [];
    const batch: Batch = {
      started: false,
      stop(error) {
        batch.stopped ??= { error };
        for (const task of tasks) if (leave(task)) task.fail(error);
      },
    };
    const cancel = () => batch.stop(signal.reason);
    const timer = startTimer(queueTimeout, () => batch.stop(failure("queue-timeout", { milliseconds: queueTimeout })));
    signal.addEventListener("abort", cancel);

    const runs = new Array<Run & Timing>(inputs.length);
    const runNext = async () => {
      while (tasks.length < inputs.length) {
        const i = tasks.length;
        const run = () => engine.run(inputs[i]!, { signal, timeout: deadline - now(), traceparent });
        runs[i] = await new Promise((finish, fail) => {
          const task: Task = { engine, batch, joined: now(), losses: 0, run, finish, fail };
          tasks.push(task);
          join(task);
          dispatch();
        });
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(atOnce, inputs.length) }, runNext));
      return { logits: Float32Array.from(runs, ({ logit }) => logit), timings: runs };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
    }
  }

  /** Puts a task last in the queue, or first if its worker died. */
  function join(task: Task): void {
    const { engine, batch, losses } = task;
    const queue = queues.get(engine) ?? new Set();
    if (batch.stopped) task.fail(batch.stopped.error);
    else queues.set(engine, losses > 0 ? new Set([task, ...queue]) : queue.add(task));
  }

  /** Takes a task out of the queue. @returns whether it was there */
  function leave(task: Task): boolean {
    const queue = queues.get(task.engine);
    const waited = queue?.delete(task) ?? false;
    if (queue?.size === 0) queues.delete(task.engine);
    return waited;
  }

  function dispatch(): void {
    for (const [engine, queue] of queues)
      for (const task of queue) {
        if (totals.running >= width || engine.free <= 0) break;
        leave(task);
        void execute(task);
      }
  }

  async function execute(task: Task): Promise<void> {
    const queueSeconds = (now() - task.joined) / 1000;
    if (!task.batch.started) totals.queueSeconds += queueSeconds;
    task.batch.started = true;
    totals.running += 1;
    try {
      const run = await task.run();
      totals.done += 1;
      totals.computeSeconds += run.seconds;
      throughput.depart(queues.size === 0);
      task.finish({ ...run, queueSeconds, computeSeconds: run.seconds });
    } catch (error) {
      const isLost = error instanceof ReadabilityError && error.code === "session-lost";
      if (isLost && task.losses++ < retries) join(task);
      else {
        throughput.depart(queues.size === 0);
        task.fail(error);
        task.batch.stop(error);
      }
    }
    totals.running -= 1;
    dispatch();
  }

  function listenTo(engine: AnyEngine): void {
    if (engines.has(engine)) return;
    engines.add(engine);
    engine.listen?.((problem) => {
      if (problem !== undefined) for (const task of queues.get(engine) ?? []) task.batch.stop(problem);
      dispatch();
    });
  }

  function run<I>(
    engine: Engine<I>,
    inputs: readonly I[],
    { atOnce, ...limits }: Limits & { readonly atOnce?: number } = {},
  ): Promise<Scored> {
    if (inputs.length > maxWaiting) return Promise.reject(failure("batch-too-large", { texts: inputs.length, limit: maxWaiting }));
    return accept(limits, (run) => run(engine, inputs, atOnce));
  }

  return {
    get stats() {
      return { ...totals, queued: countQueued() };
    },
    retryAfter,
    accept,
    run,
    async score(engine, input, limits) {
      const { logits } = await run(engine, [input], limits);
      return logits[0]!;
    },
    async close() {
      closing ??= Promise.allSettled(accepted);
      await closing;
    },
  };
}
