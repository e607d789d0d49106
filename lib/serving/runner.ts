import { Worker } from "node:worker_threads";
import { failure, reason } from "../errors/errors.js";
import { compiled } from "../system/package-files.js";

/** What a model reads of one text. Without a mask every token counts; without types all are 0. */
export interface Row {
  readonly ids: BigInt64Array;
  readonly mask?: BigInt64Array;
  readonly types?: BigInt64Array;
}

/** What a run of one text gave, and the seconds it computed. */
export interface Run {
  readonly logit: number;
  readonly seconds: number;
}

/** A worker thread with the model loaded; runs one text at a time. */
export interface Runner {
  /** Names of the graph's inputs. */
  readonly inputs: readonly string[];
  /** @throws run-failed where the graph refuses the text; session-lost where the thread ended before it answered */
  run(row: Row): Promise<Run>;
  /** Resolves with the cause when the thread has ended. */
  readonly ended: Promise<string>;
  /** Ends the thread after the run in progress. */
  stop(): Promise<void>;
}

/** @throws bad-graph where the graph does not load */
export type StartRunner = (graph: string | Uint8Array, threads: number) => Promise<Runner>;

/** What the thread is given. */
export interface RunnerData {
  readonly graph: string | Uint8Array;
  readonly threads: number;
}

/** What the thread is sent: texts to run, in their order, and at last to end. */
export type RunnerRequest = Row | "stop";

/** What the thread says: once the inputs when the model is loaded, then of every row its run or the problem. */
export type RunnerMessage = { readonly inputs: readonly string[] } | Run | { readonly problem: string };

/** @param script the thread's compiled module */
export function startRunner(graph: string | Uint8Array, threads: number, script: string = compiled("lib/serving/worker")): Promise<Runner> {
  const data: RunnerData = { graph, threads };
  const send = (request: RunnerRequest) => worker.postMessage(request);
  // Flags of this process, such as a test runner's loaders, are none of the thread's business.
  const worker = new Worker(script, { workerData: data, execArgv: [] });
  return new Promise((resolve, reject) => {
    let current: { readonly resolve: (run: Run) => void; readonly reject: (error: Error) => void } | undefined;
    let cause: string | undefined;
    let gone = false;
    worker.on("error", (error) => {
      cause = reason(error);
    });
    const ended = new Promise<string>((end) => {
      worker.on("exit", (code) => {
        cause ??= `exit code ${code}`;
        gone = true;
        reject(failure("bad-graph", { file: typeof graph === "string" ? graph : "the given graph", cause }));
        current?.reject(failure("session-lost", { cause }));
        end(cause);
      });
    });
    const run = (row: Row) =>
      new Promise<Run>((resolve, reject) => {
        if (gone) return reject(failure("session-lost", { cause: cause! })); // a thread that has ended drops what it is sent
        current = { resolve, reject };
        send(row);
      });
    // Never worker.terminate(): during a native run it takes the whole process down.
    const stop = async () => {
      send("stop");
      await ended;
    };
    worker.on("message", (message: RunnerMessage) => {
      if ("inputs" in message) resolve({ inputs: message.inputs, run, ended, stop });
      else if ("problem" in message) current?.reject(failure("run-failed", message));
      else current?.resolve(message);
    });
  });
}
