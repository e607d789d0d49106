import { failure } from "../errors/errors.js";
import { createList, type Link } from "./list.js";
import type { Row } from "./runner.js";
import type { ScoreOptions } from "./scorer.js";

/** One text of a request: waiting, or in a run. */
export interface Task extends Link {
  readonly row: Row;
  readonly request: Request;
  /** Runs of this text that ended their thread. */
  losses: number;
  finish(logit: number): void;
}

interface Request {
  started: boolean;
  /** Answered, given up or failed: runs still in progress are of no more use. */
  settled: boolean;
  /** Notes that the first of its texts is run. */
  start(): void;
  fail(error: unknown): void;
  /** Fails it where its deadline has passed. */
  checkDeadline(): void;
}

/** Texts that wait for a session, first come, first served. */
export interface Queue {
  readonly length: number;
  /** Seconds that requests waited for the run of their first text, in all. */
  readonly waited: number;
  /**
   * Resolves with one logit a row.
   * @throws queue-timeout where a row still waits at the deadline; the signal's reason where it aborts
   */
  add(rows: readonly Row[], options: ScoreOptions): Promise<Float32Array>;
  take(): Task | undefined;
  /** Gives back a task whose run was lost: it is taken next. */
  putBack(task: Task): void;
  failAll(error: unknown): void;
}

/** Node's timers fire at once beyond this many milliseconds. */
const longestTimer = 2 ** 31 - 1;

export function createQueue(): Queue {
  const waiting = createList<Task>();
  let waited = 0;

  function add(rows: readonly Row[], { signal, timeout = Infinity }: ScoreOptions): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      const accepted = performance.now();
      const logits = new Float32Array(rows.length);
      let left = rows.length;
      const request: Request = {
        started: false,
        settled: false,
        start() {
          if (!request.started) waited += (performance.now() - accepted) / 1000;
          request.started = true;
        },
        fail(error) {
          settle();
          tasks.forEach(waiting.remove);
          reject(error);
        },
        checkDeadline() {
          const late = performance.now() - accepted >= timeout;
          if (late && tasks.some(waiting.has)) request.fail(failure("queue-timeout", { milliseconds: timeout }));
        },
      };
      const cancel = () => request.fail(signal?.reason);
      // A timer may fire a fraction of a millisecond early.
      const timer = timeout < longestTimer ? setTimeout(request.checkDeadline, Math.ceil(timeout) + 1) : undefined;
      signal?.addEventListener("abort", cancel);
      const settle = () => {
        request.settled = true;
        clearTimeout(timer);
        signal?.removeEventListener("abort", cancel);
      };
      const finish = (i: number, logit: number) => {
        logits[i] = logit;
        left -= 1;
        if (left > 0 || request.settled) return;
        settle();
        resolve(logits);
      };
      const tasks = rows.map((row, i): Task => ({ row, request, losses: 0, finish: (logit) => finish(i, logit) }));
      tasks.forEach(waiting.push);
      if (signal?.aborted) cancel();
    });
  }

  return {
    add,
    get length() {
      return waiting.length;
    },
    get waited() {
      return waited;
    },
    take() {
      const task = waiting.shift();
      task?.request.start();
      return task;
    },
    putBack(task) {
      if (task.request.settled) return;
      waiting.unshift(task);
      task.request.checkDeadline();
    },
    failAll(error) {
      for (let task = waiting.shift(); task; task = waiting.shift()) task.request.fail(error);
    },
  };
}
