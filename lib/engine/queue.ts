import { failure } from "../errors.js";
import type { ScoreOptions } from "../scorer.js";
import type { Row } from "./runner.js";

/** One text of a request: waiting, or in a run. */
export interface Task {
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
   * @throws waited-too-long where a row still waits at the deadline; the signal's reason where it aborts
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
  let waiting: readonly Task[] = [];
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
          waiting = waiting.filter((task) => task.request !== request);
          reject(error);
        },
        checkDeadline() {
          const late = performance.now() - accepted >= timeout;
          if (late && waiting.some((task) => task.request === request)) request.fail(failure("waited-too-long", { milliseconds: timeout }));
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
      waiting = waiting.concat(rows.map((row, i) => ({ row, request, losses: 0, finish: (logit) => finish(i, logit) })));
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
      const [task] = waiting;
      waiting = waiting.slice(1);
      task?.request.start();
      return task;
    },
    putBack(task) {
      if (task.request.settled) return;
      waiting = [task, ...waiting];
      task.request.checkDeadline();
    },
    failAll(error) {
      for (const task of waiting) task.request.fail(error);
    },
  };
}
