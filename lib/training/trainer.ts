import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Checkpoint } from "../bert/checkpoint.js";
import { failure, reason } from "../errors/errors.js";
import { compiled } from "../system/package-files.js";
import type { OptimizerState } from "./adamw.js";
import { createBarrier } from "./barrier.js";
import { type Batch, dealMicroBatches, type Example } from "./batch.js";
import { buildTrainingGraphs } from "./graph.js";
import { type Layout, layOut } from "./layout.js";
import type { ScoreResult, Shared, StepResult, TrainingRecipe, WorkerRequest, WorkerSetup } from "./messages.js";

/** Trains one set of parameters on several worker threads, which share every batch. */
export interface Trainer {
  readonly layout: Layout;
  /** Parameters and moments between steps. The next step starts from what is written here. */
  readonly state: OptimizerState & Pick<Shared, "average">;
  step(batch: Batch, learningRate: number): Promise<StepResult>;
  /** Scores of examples, in their order, by the parameters or by their moving average. */
  score(examples: readonly Example[], weights?: "parameters" | "average"): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface TrainerOptions extends TrainingRecipe {
  readonly workers: number;
  /** Dropout probability. */
  readonly dropout: number;
  /** Examples in a run of the graph, at most. Fewer take less memory and less padding. */
  readonly microBatch: number;
}

const scoringBatch = 16;

/** @throws worker-died from any call once a worker is gone */
export async function createTrainer(
  { config, weights }: Checkpoint,
  { workers, dropout, microBatch, ...recipe }: TrainerOptions,
): Promise<Trainer> {
  const layout = layOut(config);
  const complete = { layerDecay: 1, ema: 0, ...recipe };
  const shared = allocate(layout, workers, complete.ema > 0);
  for (const { name, offset } of layout.slots) shared.parameters.set(weights.get(name)!.data, offset);
  const graphs = buildTrainingGraphs(config, dropout);
  const threads = await Promise.all(
    Array.from({ length: workers }, (_, index) => startWorker({ ...complete, index, workers, config, graphs, shared })),
  );
  return {
    layout,
    state: shared,
    async step({ examples, step, dropoutSeed }, learningRate) {
      const dealt = dealMicroBatches(examples, workers, microBatch);
      const request = { kind: "step", batchSize: examples.length, step, learningRate, dropoutSeed } as const;
      const results = await Promise.all(threads.map((thread, i) => thread.ask({ ...request, microBatches: dealt[i]! })));
      return results[0] as StepResult;
    },
    async score(examples, weights = "parameters") {
      const order = examples.map((_, i) => i).sort((a, b) => examples[a]!.ids.length - examples[b]!.ids.length);
      const chunks = Array.from({ length: Math.ceil(order.length / scoringBatch) }, (_, i) =>
        order.slice(i * scoringBatch, (i + 1) * scoringBatch),
      );
      const scores = new Float32Array(examples.length);
      const scoreChunks = async (thread: WorkerThread) => {
        for (let chunk = chunks.pop(); chunk; chunk = chunks.pop()) {
          const result = (await thread.ask({ kind: "score", texts: chunk.map((i) => examples[i]!.ids), weights })) as ScoreResult;
          for (const [j, i] of chunk.entries()) scores[i] = result.scores[j]!;
        }
      };
      await Promise.all(threads.map(scoreChunks));
      return scores;
    },
    async close() {
      const isBroken = threads.some((thread) => thread.isDead());
      await Promise.all(threads.map((thread) => thread.close(isBroken)));
    },
  };
}

function allocate({ size }: Layout, workers: number, hasAverage: boolean): Shared {
  const floats = () => new Float32Array(new SharedArrayBuffer(size * 4));
  const doubles = () => new Float64Array(new SharedArrayBuffer(workers * 8));
  return {
    parameters: floats(),
    firstMoments: floats(),
    secondMoments: floats(),
    average: hasAverage ? floats() : undefined,
    gradients: Array.from({ length: workers }, floats),
    losses: doubles(),
    squares: doubles(),
    barrier: createBarrier(),
  };
}

/** A worker thread that answers one request at a time. */
interface WorkerThread {
  ask(request: WorkerRequest): Promise<unknown>;
  isDead(): boolean;
  /** @param atOnce stops the thread even during a step, in which it may wait for a dead worker */
  close(atOnce: boolean): Promise<void>;
}

async function startWorker(setup: WorkerSetup): Promise<WorkerThread> {
  const worker = new Worker(compiled("lib/training/worker"), { workerData: setup });
  let reject: (error: Error) => void = () => {};
  const died = new Promise<never>((_, rejectPromise) => {
    reject = rejectPromise;
  });
  let isDead = false;
  died.catch(() => {
    isDead = true;
  });
  worker.on("error", (error) => reject(failure("worker-died", { index: setup.index, cause: reason(error) }, error)));
  worker.on("exit", (code) => reject(failure("worker-died", { index: setup.index, cause: `exit code ${code}` })));
  await Promise.race([once(worker, "message"), died]);
  return {
    async ask(request) {
      worker.postMessage(request);
      const [answer] = await Promise.race([once(worker, "message"), died]);
      return answer;
    },
    isDead: () => isDead,
    async close(atOnce) {
      if (atOnce) await worker.terminate();
      else worker.postMessage({ kind: "close" } satisfies WorkerRequest);
      await died.catch(() => {});
    },
  };
}
