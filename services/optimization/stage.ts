import { readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Precision } from "../../lib/bert/precisions.js";
import { type Metadata, versionFiles } from "../../lib/repository/repository.js";
import { writeFileAtomic } from "../../lib/storage/files.js";
import { hashFile } from "../../lib/storage/hash.js";
import { producer } from "../../lib/system/producer.js";
import { writeTokenizerFiles } from "../../lib/text/tokenizer.js";
import { listBuckets } from "./buckets.js";
import { kindOf } from "./candidates.js";
import type { GateResult } from "./gate.js";
import type { Graphs } from "./graphs.js";
import type { Outcome } from "./outcome.js";
import { renderReport } from "./report.js";
import { makeTables } from "./score-tables.js";
import { summarize } from "./summary.js";
import { reportFiles } from "./version.js";

/** Completes the folder of a version: graphs, tokenizer, metadata and reports. */
export async function stageVersion(staging: string, outcome: Outcome, graphs: Graphs): Promise<void> {
  const { target, model, checkpoint, rows, found } = outcome;
  const { served, kept } = found;
  const tables = makeTables(model.record, rows, { rows: served.scores, excerpts: found.excerpts });
  writeTokenizerFiles(model.folder, staging, model.maxLength);
  const metadata: Metadata = {
    producer: `${producer.name} ${producer.version}`,
    base: model.base,
    checkpoint,
    precision: kindOf(served.precision),
    ...kept.layout,
    max_length: model.maxLength,
    positions: model.checkpoint.config.positions,
    vocab_size: model.checkpoint.config.vocabulary,
    ...(model.checkpoint.config.tokenTypes > 0 ? { type_vocab_size: model.checkpoint.config.tokenTypes } : {}),
    pad_token_id: model.padId,
    ...(target === "gpu" ? { length_buckets: [...listBuckets(model.maxLength)] } : {}),
    tokenizer: await hashFile(join(staging, "tokenizer.json")),
    accuracy: describeAccuracy(outcome),
    reference: {
      tolerance: chooseTolerance(served, model.record?.scale?.deviation),
      texts: outcome.references.map((text, i) => ({ text, score: found.references[i]! })),
    },
    ...tables,
  };
  writeJson(join(staging, versionFiles.metadata), metadata);
  writeJson(join(staging, reportFiles.json), summarize(outcome));
  writeFileAtomic(join(staging, reportFiles.html), renderReport(outcome, tables));
  await arrangeGraphs(staging, served.precision, graphs);
}

function describeAccuracy({ rows: { windows, targets }, found: { gate, served } }: Outcome): Metadata["accuracy"] {
  return {
    against: targets ? "targets" : "fp32",
    rows: windows.length,
    rmse: served.accuracy.rmse,
    rmse_fp32: gate.results[0]!.accuracy.rmse,
    largest_difference: served.accuracy.largestDifference,
  };
}

/**
 * Twice the largest difference, because other processors round differently. Sums that overflow differ by more.
 * @param deviation standard deviation of the labels, if training standardized them; CommonLit's is about 1
 */
export function chooseTolerance({ accuracy }: Pick<GateResult, "accuracy">, deviation = 1): number {
  return Math.max(0.1 * deviation, 2 * accuracy.largestDifference);
}

/** Gives the served graph and its fallback the names that servers look for, and removes the other graphs. */
async function arrangeGraphs(staging: string, served: Precision, graphs: Graphs): Promise<void> {
  renameSync(await graphs(served), join(staging, versionFiles.graph));
  if (served !== "fp32") renameSync(await graphs("fp32"), join(staging, versionFiles.fallback));
  const kept: readonly string[] = Object.values(versionFiles);
  for (const name of readdirSync(staging)) if (name.endsWith(".onnx") && !kept.includes(name)) rmSync(join(staging, name));
}

function writeJson(file: string, value: unknown): void {
  writeFileAtomic(file, `${JSON.stringify(value, null, 2)}\n`);
}
