import type { BertConfig } from "../bert/config.js";
import type { AdamW, OptimizerState } from "./adamw.js";
import type { MicroBatch, TokenIds } from "./batch.js";
import type { TrainingGraphs } from "./graph.js";

/** Arrays in shared memory, the same for all workers. */
export interface Shared extends OptimizerState {
  /** Moving average of the parameters, if the run keeps one. */
  readonly average: Float32Array | undefined;
  /** Gradients of each worker. */
  readonly gradients: readonly Float32Array[];
  /** Loss of each worker's micro-batches. */
  readonly losses: Float64Array;
  /** Sum of squares of the reduced gradients in each worker's shard. */
  readonly squares: Float64Array;
  readonly barrier: Int32Array;
}

/** How the workers train. */
export interface TrainingRecipe extends AdamW {
  readonly loss: "mse" | "rmse";
  /** Largest gradient norm; larger gradients are scaled down to it. */
  readonly clip: number;
  /** Each layer's learning rate is this times that of the layer above. Default: 1. */
  readonly layerDecay?: number;
  /** Decay of the moving average. Default: 0, no average. */
  readonly ema?: number;
}

/** What a worker thread starts with. */
export interface WorkerSetup extends Required<TrainingRecipe> {
  readonly index: number;
  readonly workers: number;
  readonly config: BertConfig;
  readonly graphs: TrainingGraphs;
  readonly shared: Shared;
}

export interface StepRequest {
  readonly kind: "step";
  /** Run one after the other; their gradients add up. */
  readonly microBatches: readonly MicroBatch[];
  /** Examples of the whole batch, over all workers. */
  readonly batchSize: number;
  /** Counted from 1. */
  readonly step: number;
  readonly learningRate: number;
  readonly dropoutSeed: number;
}

export interface ScoreRequest {
  readonly kind: "score";
  /** Token ids of each text. */
  readonly texts: readonly TokenIds[];
  readonly weights: "parameters" | "average";
}

export type WorkerRequest = StepRequest | ScoreRequest | { readonly kind: "close" };

/** Result of a step, the same from every worker. */
export interface StepResult {
  /** Weighted mean squared error of the batch, before the update. */
  readonly loss: number;
  /** L2 norm of all gradients before clipping. If it is not finite, the parameters were not updated. */
  readonly gradientNorm: number;
}

export interface ScoreResult {
  readonly scores: Float32Array;
}
