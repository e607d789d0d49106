import { parentPort, workerData } from "node:worker_threads";
import type { BertConfig } from "../bert/config.js";
import { dropoutInputs } from "../bert/dropout.js";
import { tablesOf } from "../bert/families.js";
import { rowInputs } from "../bert/plain.js";
import { createSession, type Data } from "../onnx/session.js";
import { type AdamW, type OptimizerState, updateAdamW } from "./adamw.js";
import { waitAtBarrier } from "./barrier.js";
import { type Packed, packRows, type Row, type Share } from "./batch.js";
import { updateAverage } from "./ema.js";
import { gradientName, lossInputs, outputs, type TrainingGraphs } from "./graph.js";
import { layerShare } from "./layer-decay.js";
import { isTable, layOut, shardOf } from "./layout.js";
import { addTo, sumArrays } from "./vector.js";

/** What all replicas share; every array lies in shared memory. */
export interface Shared extends OptimizerState {
  /** Moving average of the parameters, where there is one. */
  readonly average: Float32Array | undefined;
  /** The gradients of each replica. */
  readonly gradients: readonly Float32Array[];
  /** Loss and sum of squared gradients of each replica. */
  readonly losses: Float64Array;
  readonly squares: Float64Array;
  readonly barrier: Int32Array;
}

export interface ReplicaSetup {
  readonly index: number;
  readonly workers: number;
  readonly config: BertConfig;
  readonly graphs: TrainingGraphs;
  readonly adamw: AdamW;
  readonly loss: "mse" | "rmse";
  /** Largest gradient norm; larger gradients are scaled down to it. */
  readonly clip: number;
  /** By which each layer learns more slowly than the one above it. */
  readonly layerDecay: number;
  /** Decay of the moving average. */
  readonly ema: number;
  readonly shared: Shared;
  readonly barrierTimeout: number;
  readonly profile?: string;
}

export type Request =
  | {
      readonly kind: "step";
      /** Run one after the other; their gradients add up. */
      readonly shares: readonly Share[];
      readonly batch: number;
      readonly step: number;
      readonly learningRate: number;
      readonly dropoutSeed: number;
    }
  | { readonly kind: "evaluate"; readonly rows: readonly Row[]; readonly weights: "parameters" | "average" }
  | { readonly kind: "close" };

/** The batch's loss (weighted mean squared error) and gradient norm before clipping, the same from every replica; or the scores of the rows. */
export type Answer = { readonly loss: number; readonly gradientNorm: number } | { readonly scores: Float32Array };

const {
  index,
  workers,
  config,
  graphs,
  adamw,
  loss: lossKind,
  clip,
  layerDecay,
  ema,
  shared,
  barrierTimeout,
  profile,
} = workerData as ReplicaSetup;
const layout = layOut(config);
const tables = tablesOf(config.family);
const { embedding: hidden, firstPosition } = config; // hidden: the width of a table's rows
const options = { threads: 1, optimization: "all" } as const;
const session = await createSession(graphs.step, profile ? { ...options, profile } : options);
const evaluation = await createSession(graphs.evaluation, options);

// ONNX Runtime refuses shared memory: what the graph reads is copied. Tables stay shared: their rows are looked up here.
const matrices = layout.slots.filter((slot) => !isTable(slot));
const start = matrices[0]!.offset;
const copy = new Float32Array(layout.size - start);
const gradients = new Float32Array(layout.size - start);
/** The matrices as tensors that lie in `array`, which holds all of them. */
const tensorsIn = (array: Float32Array, rename = (name: string) => name): Record<string, Data> =>
  Object.fromEntries(
    matrices.map(({ name, shape, offset, size }) => [
      rename(name),
      { dtype: "float32", shape, data: array.subarray(offset - start, offset - start + size) },
    ]),
  );
const parameterFeeds = tensorsIn(copy);
const gradientOutputs = tensorsIn(gradients, gradientName);
const [begin, end] = shardOf(layout.size, index, workers);
const reduced = new Float32Array(end - begin);
const own = shared.gradients[index]!;
/** What the last step ran. */
let touched: readonly Packed[] = [];

parentPort!.on("message", async (request: Request) => {
  if (request.kind === "close") {
    await Promise.all([session.close(), evaluation.close()]);
    process.exit(0); // worker_threads: ends this thread alone
  }
  parentPort!.postMessage(request.kind === "step" ? await takeStep(request) : await scoreRows(request));
});
parentPort!.postMessage("ready");

async function takeStep({ shares, batch, step, learningRate, dropoutSeed }: Request & { kind: "step" }): Promise<Answer> {
  clearTables();
  copy.set(shared.parameters.subarray(start));
  touched = shares.map(({ rows }) => packRows(rows, config.padId));
  if (shares.length === 0) own.fill(0, start);
  shared.losses[index] = 0;
  for (const [i, share] of shares.entries()) shared.losses[index]! += await addGradients(share, touched[i]!, i === 0, batch, dropoutSeed);
  waitAtBarrier(shared.barrier, workers, barrierTimeout);
  const meanSquaredError = shared.losses.reduce((sum, part) => sum + part, 0);
  shared.squares[index] = sumArrays(shared.gradients, begin, end, reduced);
  waitAtBarrier(shared.barrier, workers, barrierTimeout);
  // The graph's gradient is that of the mean squared error; d sqrt(mse) = d mse / (2 sqrt(mse)).
  const scale = lossKind === "rmse" ? 0.5 / Math.sqrt(meanSquaredError) : 1;
  const gradientNorm = Math.sqrt(shared.squares.reduce((sum, part) => sum + part, 0)) * scale;
  if (Number.isFinite(gradientNorm)) updateShard(scale * Math.min(1, clip / (gradientNorm + 1e-6)), learningRate, step);
  return { loss: meanSquaredError, gradientNorm };
}

/** Runs forward and backward on some rows and adds their gradients to this replica's, in shared memory; answers their part of the loss. */
async function addGradients({ rows, places }: Share, packed: Packed, first: boolean, batch: number, dropoutSeed: number): Promise<number> {
  const feeds = {
    ...feed(packed),
    [lossInputs.targets]: vector(rows.map(({ target }) => target)),
    [lossInputs.weights]: vector(rows.map(({ weight = 1 }) => weight / batch)),
    ...(session.inputs.includes(dropoutInputs.seed) ? feedDropout(packed.sequence, places, dropoutSeed) : {}),
  };
  const results = await session.run(feeds, gradientOutputs);
  const gradient = (name: string) => results[gradientName(name)]!.data as Float32Array;
  if (first) own.set(gradients, start);
  else addTo(own, start, gradients);
  const word = layout.slot(tables.word).offset;
  const rowsOfWords = gradient(rowInputs.word);
  for (let i = 0; i < packed.ids.length; i++)
    addTo(own, word + Number(packed.ids[i]) * hidden, rowsOfWords.subarray(i * hidden, (i + 1) * hidden));
  addTo(own, layout.slot(tables.position).offset + firstPosition * hidden, gradient(rowInputs.position));
  if (tables.tokenType) addTo(own, layout.slot(tables.tokenType).offset, gradient(rowInputs.tokenType));
  return (results[outputs.loss]!.data as Float32Array)[0]!;
}

/** Zeroes what the last step left in the tables' gradients: few rows of many. */
function clearTables(): void {
  const word = layout.slot(tables.word).offset;
  for (const { ids } of touched) for (const id of ids) own.fill(0, word + Number(id) * hidden, word + (Number(id) + 1) * hidden);
  own.fill(0, word + layout.slot(tables.word).size, start);
}

function updateShard(scale: number, learningRate: number, step: number): void {
  for (const slot of layout.slots) {
    const { offset, size, decayed } = slot;
    const range = [Math.max(begin, offset), Math.min(end, offset + size)] as const;
    if (range[0] >= range[1]) continue;
    updateAdamW(
      shared,
      reduced.subarray(range[0] - begin),
      scale,
      range,
      decayed ? adamw : { ...adamw, weightDecay: 0 },
      learningRate * layerShare(slot, config.layers, layerDecay),
      step,
    );
  }
  if (shared.average) updateAverage(shared.average, shared.parameters, [begin, end], ema, step);
}

async function scoreRows({ rows, weights }: Request & { kind: "evaluate" }): Promise<Answer> {
  copy.set(shared[weights]!.subarray(start));
  const results = await evaluation.run(feed(packRows(rows, config.padId), shared[weights]));
  return { scores: results[outputs.scores]!.data as Float32Array };
}

/** The batch, the parameters as they were copied, and the rows of the tables, which are not. */
function feed({ batch, sequence, ids, mask }: Packed, parameters = shared.parameters): Record<string, Data> {
  const table = (name: string) => parameters.subarray(layout.slot(name).offset, layout.slot(name).offset + layout.slot(name).size);
  const words = table(tables.word);
  const rows = new Float32Array(ids.length * hidden);
  for (let i = 0; i < ids.length; i++) rows.set(words.subarray(Number(ids[i]) * hidden, (Number(ids[i]) + 1) * hidden), i * hidden);
  return {
    ...parameterFeeds,
    attention_mask: { dtype: "int64", shape: [batch, sequence], data: mask },
    [rowInputs.word]: { dtype: "float32", shape: [batch * sequence, hidden], data: rows },
    [rowInputs.position]: {
      dtype: "float32",
      shape: [sequence, hidden],
      data: table(tables.position).slice(firstPosition * hidden, (firstPosition + sequence) * hidden),
    },
    ...(tables.tokenType
      ? { [rowInputs.tokenType]: { dtype: "float32", shape: [1, hidden], data: table(tables.tokenType).slice(0, hidden) } }
      : {}),
  };
}

function feedDropout(sequence: number, places: readonly number[], seed: number): Record<string, Data> {
  const integers = (values: Iterable<number>) => Int32Array.from(values);
  return {
    [dropoutInputs.seed]: { dtype: "int32", shape: [1], data: integers([seed]) },
    [dropoutInputs.rows]: { dtype: "int32", shape: [places.length], data: integers(places) },
    [dropoutInputs.positions]: { dtype: "int32", shape: [sequence], data: integers(Array(sequence).keys()) },
  };
}

function vector(values: readonly number[]): Data {
  return { dtype: "float32", shape: [values.length], data: Float32Array.from(values) };
}
