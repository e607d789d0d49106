import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { hashFile, writeFileAtomic } from "../../lib/files.js";
import { describeMachine } from "../../lib/machine.js";
import { producer } from "../../lib/producer.js";
import { type Metadata, versionFiles } from "../../lib/repository.js";
import { writeTokenizerFiles } from "../../lib/text/tokenizer.js";
import type { Gate, Judged } from "./gate.js";
import { hashCheckpoint, type Model } from "./model.js";
import type { GateRows } from "./rows.js";
import type { Trial } from "./speed.js";
import { reportFile } from "./version.js";

/** What was tried and what came out. */
export interface Outcome {
  readonly model: Model;
  readonly rows: GateRows;
  readonly gate: Gate;
  readonly trials: readonly Trial[];
  readonly kept: Trial;
  readonly served: Judged;
  /** Texts with their float32 scores. */
  readonly references: readonly { readonly text: string; readonly score: number }[];
}

/** Completes the folder of a version, in which the graphs are already. */
export async function stageVersion(staging: string, outcome: Outcome): Promise<void> {
  const { model, gate, kept, served, references } = outcome;
  writeTokenizerFiles(model.folder, staging, model.maxLength);
  const metadata: Metadata = {
    producer: `${producer.name} ${producer.version}`,
    base: model.base,
    checkpoint: await hashCheckpoint(model.folder),
    precision: served.precision === "fp32" ? "fp32" : "int8",
    ...kept.layout,
    max_length: model.maxLength,
    pad_token_id: model.padId,
    tokenizer: await hashFile(join(staging, "tokenizer.json")),
    accuracy: describeAccuracy(outcome),
    reference: { tolerance: chooseTolerance(served), texts: [...references] },
  };
  writeJson(join(staging, versionFiles.metadata), metadata);
  writeJson(join(staging, reportFile), describeTrials(outcome));
  arrangeGraphs(staging, gate.judged, served);
}

function describeAccuracy({ rows: { ids, targets }, gate, served }: Outcome): Metadata["accuracy"] {
  return {
    against: targets ? "targets" : "fp32",
    rows: ids.length,
    rmse: served.accuracy.rmse,
    rmse_fp32: gate.judged[0]!.accuracy.rmse,
    largest_difference: served.accuracy.largestDifference,
  };
}

/** Twice what was seen, as other processors round otherwise; sums that overflow are off by more. */
function chooseTolerance({ accuracy }: Judged): number {
  return Math.max(0.1, 2 * accuracy.largestDifference);
}

/** The served graph and the one to fall back to, by the names that servers look for; the others go. */
function arrangeGraphs(staging: string, judged: readonly Judged[], served: Judged): void {
  for (const { graph, precision } of judged) {
    if (graph === served.graph) renameSync(graph, join(staging, versionFiles.graph));
    else if (precision === "fp32") renameSync(graph, join(staging, versionFiles.fallback));
    else rmSync(graph);
  }
}

function describeTrials({ model, rows, gate: { judged, bound }, trials, kept }: Outcome) {
  return {
    machine: describeMachine(),
    model: model.folder,
    gate: { source: rows.source, rows: rows.ids.length, against: rows.targets ? "targets" : "fp32", largest_rmse: bound },
    graphs: judged.map(({ precision, accuracy, passed }) => ({
      precision,
      passed,
      rmse: accuracy.rmse,
      largest_difference: accuracy.largestDifference,
      mean_difference: accuracy.meanDifference,
      rank_correlation: accuracy.rankCorrelation,
    })),
    trials: trials.map((trial) => ({
      precision: judged.find(({ graph }) => graph === trial.graph)!.precision,
      ...trial.layout,
      texts_per_second: trial.rates,
      kept: trial === kept,
    })),
  };
}

function writeJson(file: string, value: unknown): void {
  writeFileAtomic(file, `${JSON.stringify(value, null, 2)}\n`);
}
