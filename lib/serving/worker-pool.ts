import { Worker } from "node:worker_threads";
import type { Log } from "../cli/log.js";
import { fail, failure, reason } from "../errors/errors.js";
import { compiled } from "../system/package-files.js";
import type { Engine, Run } from "./engine.js";

/** The model's input for one window. Without a mask, every token counts; without types, all are 0. */
export interface Row {
  readonly ids: BigInt64Array;
  readonly mask?: BigInt64Array;
  readonly types?: BigInt64Array;
}

/** A thread with the model loaded; runs one window at a time. */
export interface ModelWorker {
  /** Names of the graph's inputs. */
  readonly inputs: readonly string[];
  /** @throws run-failed if the graph refuses the window; session-lost if the thread ends before it answers */
  run(row: Row): Promise<Run>;
  /** Resolves with the cause when the thread has ended. */
  readonly ended: Promise<string>;
  /** Ends the thread after the run in progress. */
  stop(): Promise<void>;
}

/** What a thread is started with. */
export interface WorkerSetup {
  readonly graph: string | Uint8Array;
  readonly threads: number;
}

/** A message to a thread: a window to run, or the request to end. */
export type WorkerRequest = Row | "stop";

/** A message from a thread: the inputs once the model is loaded, then for every window its run or the problem. */
export type WorkerAnswer = { readonly inputs: readonly string[] } | Run | { readonly problem: string };

/**
 * Starts a thread and loads the graph in it.
 * @param script the thread's compiled module
 * @throws bad-graph if the graph does not load
 */
export function startWorker(
  graph: string | Uint8Array,
  threads: number,
  script: string = compiled("lib/serving/worker"),
): Promise<ModelWorker> {
  const setup: WorkerSetup = { graph, threads };
  const send = (request: WorkerRequest) => worker.postMessage(request);
  // The thread must not inherit flags of this process, such as a test runner's loaders.
  const worker = new Worker(script, { workerData: setup, execArgv: [] });
  return new Promise((resolve, reject) => {
    let current: { readonly resolve: (run: Run) => void; readonly reject: (error: Error) => void } | undefined;
    let cause: string | undefined;
    let gone = false;
    worker.on("error", (error) => {
      cause = reason(error);
    });
    const ended = new Promise<string>((end) => {
      worker.on("exit", (code) => {
        cause ??= `it ended with code ${code}`;
        gone = true;
        end(cause); // first: the pool must know before the window runs again
        reject(failure("bad-graph", { file: typeof graph === "string" ? graph : "the given graph", cause }));
        current?.reject(failure("session-lost", { cause }));
      });
    });
    const run = (row: Row) =>
      new Promise<Run>((resolve, reject) => {
        if (gone) return reject(failure("session-lost", { cause: cause! })); // a thread that has ended ignores messages
        current = { resolve, reject };
        send(row);
      });
    // Never worker.terminate(): during a native run it crashes the whole process.
    const stop = async () => {
      send("stop");
      await ended;
    };
    worker.on("message", (answer: WorkerAnswer) => {
      if ("inputs" in answer) resolve({ inputs: answer.inputs, run, ended, stop });
      else if ("problem" in answer) current?.reject(failure("run-failed", answer));
      else current?.resolve(answer);
    });
  });
}

/** Workers with one model, the lanes of an engine. A worker that dies is replaced. */
export interface WorkerPool extends Engine<ArrayLike<number> | Row> {
  /** Names of the graph's inputs. */
  readonly inputs: readonly string[];
  /** Number of live workers. */
  readonly workers: number;
}

/** Milliseconds before the next attempt to replace a worker; doubled after each attempt. */
const firstPause = 1000;
const longestPause = 30_000;

/**
 * Starts a number of workers.
 * @throws what `start` throws, after it has ended the workers that did start
 */
export async function createWorkerPool(size: number, start: () => Promise<ModelWorker>, log: Log | undefined): Promise<WorkerPool> {
  const workers = new Set<ModelWorker>();
  const listeners: ((problem?: unknown) => void)[] = [];
  let idle: ModelWorker[] = [];
  let closed = false;
  let restart: NodeJS.Timeout | undefined;

  const starts = await Promise.allSettled(Array.from({ length: size }, () => start()));
  const started = starts.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const refused = starts.find((result) => result.status === "rejected");
  if (refused) {
    await Promise.all(started.map((worker) => worker.stop()));
    throw refused.reason;
  }
  started.forEach(addWorker);

  function tell(problem?: unknown): void {
    for (const listener of listeners) listener(problem);
  }

  function addWorker(worker: ModelWorker): void {
    workers.add(worker);
    idle.push(worker);
    void worker.ended.then((cause) => {
      workers.delete(worker);
      idle = idle.filter((other) => other !== worker);
      if (closed) return;
      log?.error({ cause }, "a model worker died and is being replaced");
      void replace(firstPause);
    });
    tell();
  }

  async function replace(pause: number): Promise<void> {
    try {
      const worker = await start();
      if (closed) await worker.stop();
      else addWorker(worker);
    } catch (error) {
      if (closed) return;
      log?.error({ cause: reason(error) }, `a model worker could not be replaced; trying again in ${pause / 1000} s`);
      if (workers.size === 0) tell(error);
      restart = setTimeout(replace, pause, Math.min(2 * pause, longestPause));
    }
  }

  return {
    inputs: started[0]!.inputs,
    get workers() {
      return workers.size;
    },
    get free() {
      return closed ? Infinity : idle.length; // a closed pool refuses every window
    },
    async run(input) {
      if (closed) fail("closed", {});
      const worker = idle.pop() ?? fail("session-lost", { cause: "no worker is free" });
      try {
        return await worker.run("ids" in input ? input : { ids: BigInt64Array.from(input, BigInt) });
      } finally {
        if (workers.has(worker)) idle.push(worker);
      }
    },
    listen: (listener) => void listeners.push(listener),
    ready: async () => workers.size > 0 && !closed,
    async close() {
      closed = true;
      clearTimeout(restart);
      tell();
      await Promise.all([...workers].map((worker) => worker.stop()));
    },
  };
}
