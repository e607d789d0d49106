import { onnxRuntime } from "../../lib/onnx/session.js";
import { describeMachine } from "../../lib/system/machine.js";
import type { Outcome } from "./outcome.js";

/** The content of optimization.json: the candidates and their results, for programs. */
export function summarize({ target, model, rows, found: { gate, trials, kept } }: Outcome) {
  const isKept = (precision: string, layout: object = kept.layout) => precision === kept.precision && layout === kept.layout;
  return {
    machine: describeMachine(),
    onnxruntime: onnxRuntime,
    target,
    model: model.folder,
    gate: { source: rows.source, rows: rows.windows.length, against: rows.targets ? "targets" : "fp32", largest_rmse: gate.bound },
    graphs: gate.results.map(({ precision, accuracy, passed }) => ({
      precision,
      passed,
      rmse: accuracy.rmse,
      largest_difference: accuracy.largestDifference,
      mean_difference: accuracy.meanDifference,
      rank_correlation: accuracy.rankCorrelation,
      kept: isKept(precision),
    })),
    trials: trials.map(({ precision, layout, throughputs }) => ({
      precision,
      ...layout,
      texts_per_second: throughputs,
      kept: isKept(precision, layout),
    })),
  };
}
