import { backward } from "../autodiff/backward.js";
import type { BertConfig } from "../bert/config.js";
import { createDropout } from "../bert/dropout.js";
import { scoreTexts } from "../bert/forward.js";
import { plainKernels } from "../bert/plain.js";
import { addInput, addOutput, createGraph, type Graph, type Value } from "../onnx/graph.js";
import { encodeModel } from "../onnx/model-file.js";
import { mul, reduceSum, reshape, sub } from "../onnx/ops.js";
import { simplify } from "../onnx/simplify.js";
import { producer } from "../system/producer.js";

/** Inputs of the loss, both [batch]: targets, and the factor of each squared error. */
export const lossInputs = { targets: "targets", weights: "weights" } as const;
/** Outputs: scores [batch] and the weighted sum of squared errors []. The gradient of each float input is named by `gradientName`. */
export const outputs = { scores: "scores", loss: "loss" } as const;
export const gradientName = (input: string): string => `gradient of ${input}`;

/** ONNX files; batch and sequence are dynamic. */
export interface TrainingGraphs {
  /** Forward and backward. */
  readonly training: Uint8Array;
  /** Forward only, without dropout. */
  readonly scoring: Uint8Array;
}

export function buildTrainingGraphs(config: BertConfig, dropout: number): TrainingGraphs {
  return { training: buildTrainingGraph(config, dropout), scoring: buildScoringGraph(config) };
}

function buildTrainingGraph(config: BertConfig, dropout: number): Uint8Array {
  const { graph, scores } = buildForward(config, dropout);
  const parameters = graph.inputs.filter(({ dtype }) => dtype === "float32");
  const loss = sumSquaredErrors(graph, scores);
  addOutput(graph, outputs.scores, scores);
  addOutput(graph, outputs.loss, loss);
  for (const [input, gradient] of backward(loss, parameters)) addOutput(graph, gradientName(input.name), gradient);
  simplify(graph);
  return encodeModel(graph, producer);
}

function buildScoringGraph(config: BertConfig): Uint8Array {
  const { graph, scores } = buildForward(config, 0);
  addOutput(graph, outputs.scores, scores);
  simplify(graph);
  return encodeModel(graph, producer);
}

function buildForward(config: BertConfig, dropout: number): { readonly graph: Graph; readonly scores: Value } {
  const graph = createGraph("training");
  const kernels = plainKernels(graph, config, createDropout(graph, dropout));
  return { graph, scores: reshape(scoreTexts(kernels, config), ["batch"]) };
}

/** With weights of 1 / batch size, the sums of all micro-batches add up to the batch's mean squared error. */
function sumSquaredErrors(graph: Graph, scores: Value): Value {
  const error = sub(scores, addInput(graph, lossInputs.targets, "float32", ["batch"]));
  return reduceSum(mul(mul(error, error), addInput(graph, lossInputs.weights, "float32", ["batch"])), [0], 0);
}
