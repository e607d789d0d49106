import { existsSync } from "node:fs";
import type { Log } from "../cli/log.js";
import { failure } from "../errors/errors.js";
import { stampFile } from "../storage/files.js";
import { hashFile } from "../storage/hash.js";
import { createWorkerPool, type ModelWorker, startWorker, type WorkerPool } from "./worker-pool.js";

export interface LocalEngineOptions {
  /** Path of an .onnx file, or its bytes. */
  readonly graph: string | Uint8Array;
  /** Worker threads, each with the model loaded: the engine's lanes. */
  readonly workers: number;
  /** Threads of each worker's session. */
  readonly threads?: number;
  readonly log?: Log | undefined;
}

/** Runs a model in worker threads: token ids, or rows with a mask and types. */
export type LocalEngine = WorkerPool & Pick<LocalEngineOptions, "graph">;

/**
 * Loads the graph into every worker.
 * @throws no-file; bad-graph if it does not load
 */
export async function createLocalEngine(
  { graph, workers, threads = 1, log }: LocalEngineOptions,
  startThread: (graph: string | Uint8Array, threads: number) => Promise<ModelWorker> = startWorker,
): Promise<LocalEngine> {
  if (typeof graph === "string" && !existsSync(graph))
    throw failure("no-file", {
      file: graph,
      what: "an ONNX graph",
      remedy: "Rebuild the model repository with: readability optimization.",
    });
  const readStamp = () => (typeof graph === "string" ? stampFile(graph) : "");
  const readHash = async () => (typeof graph === "string" ? hashFile(graph) : "");
  const [stamp, hash] = [readStamp(), await readHash()];

  async function start(): Promise<ModelWorker> {
    // A worker with another graph would give other scores than those beside it.
    if (readStamp() !== stamp && (await readHash()) !== hash)
      throw failure("bad-graph", { file: String(graph), cause: "it has changed since it was loaded" });
    return startThread(graph, threads);
  }

  return Object.assign(await createWorkerPool(workers, start, log), { graph });
}
