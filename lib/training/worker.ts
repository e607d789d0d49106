import { parentPort, workerData } from "node:worker_threads";
import { dropoutInputs } from "../bert/dropout.js";
import { createSession, type Data } from "../onnx/session.js";
import { updateAdamW } from "./adamw.js";
import { waitAtBarrier } from "./barrier.js";
import { type MicroBatch, type PaddedTokens, padTokens } from "./batch.js";
import { updateEma } from "./ema.js";
import { gradientName, lossInputs, outputs } from "./graph.js";
import { layerShare } from "./layer-decay.js";
import { layOut, shardOf, viewDense } from "./layout.js";
import type { ScoreRequest, ScoreResult, StepRequest, StepResult, WorkerRequest, WorkerSetup } from "./messages.js";
import { createTables } from "./tables.js";
import { addTo, sumArrays } from "./vector.js";

/** Far longer than the slowest step of the largest model on a slow machine. */
const barrierTimeout = 600_000; // milliseconds

const { index, workers, config, graphs, shared, ...recipe } = workerData as WorkerSetup;
const layout = layOut(config);
const tables = createTables(config, layout);
const gradients = shared.gradients[index]!;
const [begin, end] = shardOf(layout.size, index, workers);
/** The shard of the gradients, summed over all workers. */
const reduced = new Float32Array(end - begin);

// ONNX Runtime does not accept shared memory: it reads and writes these copies.
const denseParameters = new Float32Array(layout.size - layout.dense);
const denseGradients = new Float32Array(layout.size - layout.dense);
const parameterFeeds = viewDense(layout, denseParameters);
const gradientOutputs = viewDense(layout, denseGradients, gradientName);

const options = { threads: 1, optimization: "all" } as const;
const training = await createSession(graphs.training, options);
const scoring = await createSession(graphs.scoring, options);
const hasDropout = training.inputs.includes(dropoutInputs.seed);

parentPort!.on("message", async (request: WorkerRequest) => {
  if (request.kind === "close") {
    await Promise.all([training.close(), scoring.close()]);
    process.exit(0); // in a worker, this ends the thread only
  }
  parentPort!.postMessage(request.kind === "step" ? await step(request) : await score(request));
});
parentPort!.postMessage("ready");

async function step(request: StepRequest): Promise<StepResult> {
  copyParameters(shared.parameters);
  clearGradients(request.microBatches.length);
  let ownLoss = 0;
  for (const [i, microBatch] of request.microBatches.entries()) ownLoss += await runForwardBackward(microBatch, request, i === 0);
  const { loss, squaredNorm } = reduceAtBarrier(ownLoss);
  // The graphs compute the gradient of the mean squared error: d sqrt(mse) = d mse / (2 sqrt(mse)).
  const scale = recipe.loss === "rmse" ? 0.5 / Math.sqrt(loss) : 1;
  const gradientNorm = Math.sqrt(squaredNorm) * scale;
  const clipping = Math.min(1, recipe.clip / (gradientNorm + 1e-6));
  if (Number.isFinite(gradientNorm)) updateShard(scale * clipping, request);
  return { loss, gradientNorm };
}

async function score({ texts, weights }: ScoreRequest): Promise<ScoreResult> {
  const parameters = shared[weights]!;
  copyParameters(parameters);
  const results = await scoring.run(feedTokens(padTokens(texts, config.padId), parameters));
  return { scores: results[outputs.scores]!.data as Float32Array };
}

function copyParameters(from: Float32Array): void {
  denseParameters.set(from.subarray(layout.dense));
}

/** The first micro-batch overwrites the dense gradients, so they are cleared only if there is none. */
function clearGradients(microBatches: number): void {
  tables.clearGradients(gradients);
  if (microBatches === 0) gradients.fill(0, layout.dense);
}

/** Adds the gradients of a micro-batch to this worker's; returns its part of the loss. */
async function runForwardBackward({ examples, indices }: MicroBatch, request: StepRequest, isFirst: boolean): Promise<number> {
  const ids = examples.map((example) => example.ids);
  const tokens = padTokens(ids, config.padId);
  const feeds = {
    ...feedTokens(tokens, shared.parameters),
    [lossInputs.targets]: floats(examples.map(({ target }) => target)),
    [lossInputs.weights]: floats(examples.map(({ weight = 1 }) => weight / request.batchSize)),
    ...(hasDropout ? feedDropout(tokens.sequence, indices, request.dropoutSeed) : {}),
  };
  const results = await training.run(feeds, gradientOutputs);
  if (isFirst) gradients.set(denseGradients, layout.dense);
  else addTo(gradients, layout.dense, denseGradients);
  tables.addGradients(gradients, tokens, (input) => results[gradientName(input)]!.data as Float32Array);
  return (results[outputs.loss]!.data as Float32Array)[0]!;
}

/** Sums the losses of all workers, and their gradients in this worker's shard. Every worker returns the same loss and norm. */
function reduceAtBarrier(ownLoss: number): { readonly loss: number; readonly squaredNorm: number } {
  shared.losses[index] = ownLoss;
  waitAtBarrier(shared.barrier, workers, barrierTimeout);
  shared.squares[index] = sumArrays(shared.gradients, begin, end, reduced);
  waitAtBarrier(shared.barrier, workers, barrierTimeout);
  return { loss: sum(shared.losses), squaredNorm: sum(shared.squares) };
}

/** Updates the parameters of this worker's shard and their moving average. @param scale factor of the gradients */
function updateShard(scale: number, { learningRate, step }: StepRequest): void {
  for (const slot of layout.slots) {
    const range = [Math.max(begin, slot.offset), Math.min(end, slot.offset + slot.size)] as const;
    if (range[0] >= range[1]) continue;
    const adamw = slot.decayed ? recipe : { ...recipe, weightDecay: 0 };
    const rate = learningRate * layerShare(slot, config.layers, recipe.layerDecay);
    updateAdamW(shared, reduced.subarray(range[0] - begin), scale, range, adamw, rate, step);
  }
  if (shared.average) updateEma(shared.average, shared.parameters, [begin, end], recipe.ema, step);
}

function feedTokens(tokens: PaddedTokens, parameters: Float32Array): Record<string, Data> {
  const { batch, sequence, mask } = tokens;
  return {
    ...parameterFeeds,
    ...tables.lookUp(parameters, tokens),
    attention_mask: { dtype: "int64", shape: [batch, sequence], data: mask },
  };
}

function feedDropout(sequence: number, indices: readonly number[], seed: number): Record<string, Data> {
  return {
    [dropoutInputs.seed]: integers([seed]),
    [dropoutInputs.rows]: integers(indices),
    [dropoutInputs.positions]: integers([...Array(sequence).keys()]),
  };
}

function floats(values: readonly number[]): Data {
  return { dtype: "float32", shape: [values.length], data: Float32Array.from(values) };
}

function integers(values: readonly number[]): Data {
  return { dtype: "int32", shape: [values.length], data: Int32Array.from(values) };
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
