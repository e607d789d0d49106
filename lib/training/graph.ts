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

/** Inputs beside the parameters, the embedding rows and the mask: targets [batch], weights [batch] by which squared errors are summed. */
export const lossInputs = { targets: "targets", weights: "weights" } as const;
/** Outputs: scores [batch], the weighted sum of squared errors [], and the gradient of every float input by `gradientName`. */
export const outputs = { scores: "scores", loss: "loss" } as const;
export const gradientName = (name: string): string => `gradient of ${name}`;

export interface TrainingGraphs {
  /** Forward and backward. */
  readonly step: Uint8Array;
  /** Forward alone, without dropout. */
  readonly evaluation: Uint8Array;
  /** Inputs of the step that have a gradient: parameters, and the rows of tables. */
  readonly trained: readonly string[];
}

/** The ONNX graphs of one training run; batch and sequence are dynamic. */
export function buildTrainingGraphs(config: BertConfig, dropoutRate: number): TrainingGraphs {
  const evaluation = buildForward(config, 0);
  addOutput(evaluation.graph, outputs.scores, evaluation.scores);
  simplify(evaluation.graph);
  const { graph, scores } = buildForward(config, dropoutRate);
  const trained = graph.inputs.filter(({ dtype }) => dtype === "float32");
  const loss = sumSquaredErrors(graph, scores);
  const gradients = backward(loss, trained);
  addOutput(graph, outputs.scores, scores);
  addOutput(graph, outputs.loss, loss);
  for (const [input, gradient] of gradients) addOutput(graph, gradientName(input.name), gradient);
  simplify(graph);
  return {
    step: encodeModel(graph, producer),
    evaluation: encodeModel(evaluation.graph, producer),
    trained: trained.map(({ name }) => name),
  };
}

function buildForward(config: BertConfig, dropoutRate: number): { readonly graph: Graph; readonly scores: Value } {
  const graph = createGraph("training");
  const kernels = plainKernels(graph, config, createDropout(graph, dropoutRate));
  return { graph, scores: reshape(scoreTexts(kernels, config), ["batch"]) };
}

/** Weights of 1 / batch make it the mean squared error of the batch, summed over its replicas. */
function sumSquaredErrors(graph: Graph, scores: Value): Value {
  const error = sub(scores, addInput(graph, lossInputs.targets, "float32", ["batch"]));
  return reduceSum(mul(mul(error, error), addInput(graph, lossInputs.weights, "float32", ["batch"])), [0], 0);
}
