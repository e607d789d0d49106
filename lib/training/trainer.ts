import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Checkpoint } from "../bert/checkpoint.js";
import { failure, reason } from "../errors/errors.js";
import { compiled } from "../system/package-files.js";
import type { AdamW, OptimizerState } from "./adamw.js";
import { createBarrier } from "./barrier.js";
import { dealRows, type Row } from "./batch.js";
import { buildTrainingGraphs } from "./graph.js";
import { type Layout, layOut } from "./layout.js";
import type { Answer, ReplicaSetup, Request, Shared } from "./worker.js";

export interface StepResult {
  /** Mean squared error over the batch, weighted as its rows are, before the step. */
  readonly loss: number;
  /** L2 norm over all gradients, before clipping; not finite where the step was not taken. */
  readonly gradientNorm: number;
}

/** Workers that train one set of parameters together, each on its share of the batch. */
export interface Replicas {
  readonly layout: Layout;
  /** Parameters and moments as they stand between steps; what is written here the next step reads. */
  readonly state: OptimizerState & Pick<Shared, "average">;
  /** @param step counted from 1 */
  step(batch: readonly Row[], step: number, learningRate: number, dropoutSeed: number): Promise<StepResult>;
  /** Scores of rows, in their order, by the parameters or by their moving average. */
  evaluate(rows: readonly Row[], weights?: "parameters" | "average"): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface ReplicasOptions {
  readonly workers: number;
  readonly adamw: AdamW;
  readonly loss: "mse" | "rmse";
  readonly clip: number;
  readonly dropout: number;
  /** Rows a run of the graph at most: fewer take less memory and less padding. */
  readonly microBatch: number;
  /** By which each layer learns more slowly than the one above it; 1 without it. */
  readonly layerDecay?: number;
  /** Decay of a moving average of the parameters; none without it. */
  readonly ema?: number;
  /** Prefix of ONNX Runtime's profile of the first replica. */
  readonly profile?: string;
}

const barrierTimeout = 600_000; // milliseconds; the slowest step of the largest model on a slow machine takes far less
const evaluationBatch = 16;

/** @throws worker-died from any call once a worker is gone */
export async function createReplicas(
  checkpoint: Checkpoint,
  { workers, dropout, microBatch, layerDecay = 1, ema = 0, profile, ...recipe }: ReplicasOptions,
): Promise<Replicas> {
  const { config } = checkpoint;
  const layout = layOut(config);
  const floats = () => new Float32Array(new SharedArrayBuffer(layout.size * 4));
  const doubles = () => new Float64Array(new SharedArrayBuffer(workers * 8));
  const shared: Shared = {
    parameters: floats(),
    firstMoments: floats(),
    secondMoments: floats(),
    average: ema > 0 ? floats() : undefined,
    gradients: Array.from({ length: workers }, floats),
    losses: doubles(),
    squares: doubles(),
    barrier: createBarrier(),
  };
  for (const { name, offset } of layout.slots) shared.parameters.set(checkpoint.weights.get(name)!.data, offset);
  const graphs = buildTrainingGraphs(config, dropout);
  const threads = await Promise.all(
    Array.from({ length: workers }, (_, index) =>
      startReplica({
        ...recipe,
        layerDecay,
        ema,
        index,
        workers,
        config,
        graphs,
        shared,
        barrierTimeout,
        ...(profile && index === 0 ? { profile } : {}),
      }),
    ),
  );
  return {
    layout,
    state: shared,
    async step(batch, step, learningRate, dropoutSeed) {
      const shares = dealRows(batch, workers, microBatch);
      const answers = await Promise.all(
        threads.map((thread, i) => thread.ask({ kind: "step", shares: shares[i]!, batch: batch.length, step, learningRate, dropoutSeed })),
      );
      return answers[0] as StepResult;
    },
    async evaluate(rows, weights = "parameters") {
      const order = rows.map((_, i) => i).sort((a, b) => rows[a]!.ids.length - rows[b]!.ids.length);
      const chunks = Array.from({ length: Math.ceil(order.length / evaluationBatch) }, (_, i) =>
        order.slice(i * evaluationBatch, (i + 1) * evaluationBatch),
      );
      const scores = new Float32Array(rows.length);
      await Promise.all(
        threads.map(async (thread) => {
          for (let chunk = chunks.pop(); chunk; chunk = chunks.pop()) {
            const answer = (await thread.ask({ kind: "evaluate", rows: chunk.map((i) => rows[i]!), weights })) as {
              readonly scores: Float32Array;
            };
            chunk.forEach((i, j) => {
              scores[i] = answer.scores[j]!;
            });
          }
        }),
      );
      return scores;
    },
    async close() {
      const broken = threads.some((thread) => thread.isDead());
      await Promise.all(threads.map((thread) => thread.close(broken)));
    },
  };
}

/** A worker thread that answers one request after the other. */
async function startReplica(setup: ReplicaSetup) {
  const worker = new Worker(compiled("lib/training/worker"), { workerData: setup });
  let reject: (error: Error) => void = () => {};
  const died = new Promise<never>((_, refuse) => {
    reject = refuse;
  });
  let dead = false;
  died.catch(() => {
    dead = true;
  });
  worker.on("error", (error) => reject(failure("worker-died", { index: setup.index, cause: reason(error) }, error)));
  worker.on("exit", (code) => reject(failure("worker-died", { index: setup.index, cause: `exit code ${code}` })));
  await Promise.race([once(worker, "message"), died]);
  return {
    async ask(request: Request): Promise<Answer> {
      worker.postMessage(request);
      const [answer] = await Promise.race([once(worker, "message"), died]);
      return answer as Answer;
    },
    isDead: () => dead,
    /** @param atOnce even in the middle of a step, as one that waits for a replica that is gone */
    async close(atOnce: boolean): Promise<void> {
      if (atOnce) await worker.terminate();
      else worker.postMessage({ kind: "close" } satisfies Request);
      await died.catch(() => {});
    },
  };
}
