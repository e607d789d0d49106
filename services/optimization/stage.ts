import { readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Precision } from "../../lib/bert/precisions.js";
import { type Metadata, versionFiles } from "../../lib/repository/repository.js";
import { writeFileAtomic } from "../../lib/storage/files.js";
import { hashFile } from "../../lib/storage/hash.js";
import { producer } from "../../lib/system/producer.js";
import { writeTokenizerFiles } from "../../lib/text/tokenizer.js";
import { listBuckets } from "./buckets.js";
import type { Graphs } from "./candidates.js";
import type { Model } from "./checkpoint.js";
import type { Judged } from "./gate.js";
import { kindOf, type Target } from "./precisions.js";
import { renderReport } from "./report.js";
import type { GateRows } from "./rows.js";
import { makeTables } from "./score-tables.js";
import type { Found } from "./search.js";
import { describeTrials } from "./trials.js";
import { reportFiles } from "./version.js";

/** What was tried and what came out. */
export interface Outcome {
  readonly target: Target;
  readonly model: Model;
  /** sha256 of the checkpoint. */
  readonly checkpoint: string;
  readonly rows: GateRows;
  /** Texts that tell a server whether it scores right. */
  readonly references: readonly string[];
  readonly found: Found;
}

/** Completes the folder of a version: the graphs, tokenizer, metadata and reports. */
export async function stageVersion(staging: string, outcome: Outcome, graphs: Graphs): Promise<void> {
  const { target, model, checkpoint, rows, found } = outcome;
  const { served, kept } = found;
  const tables = makeTables(model.record, rows, served.scores);
  writeTokenizerFiles(model.folder, staging, model.maxLength);
  const metadata: Metadata = {
    producer: `${producer.name} ${producer.version}`,
    base: model.base,
    checkpoint,
    precision: kindOf(served.precision),
    ...kept.layout,
    max_length: model.maxLength,
    positions: model.checkpoint.config.positions,
    pad_token_id: model.padId,
    ...(target === "gpu" ? { length_buckets: [...listBuckets(model.maxLength)] } : {}),
    tokenizer: await hashFile(join(staging, "tokenizer.json")),
    accuracy: describeAccuracy(outcome),
    reference: {
      tolerance: chooseTolerance(served),
      texts: outcome.references.map((text, i) => ({ text, score: found.references[i]! })),
    },
    ...tables,
  };
  writeJson(join(staging, versionFiles.metadata), metadata);
  writeJson(join(staging, reportFiles.json), describeTrials(outcome));
  writeFileAtomic(join(staging, reportFiles.html), renderReport(outcome, tables));
  await arrangeGraphs(staging, served.precision, graphs);
}

function describeAccuracy({ rows: { ids, targets }, found: { gate, served } }: Outcome): Metadata["accuracy"] {
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
async function arrangeGraphs(staging: string, served: Precision, graphs: Graphs): Promise<void> {
  renameSync(await graphs(served), join(staging, versionFiles.graph));
  if (served !== "fp32") renameSync(await graphs("fp32"), join(staging, versionFiles.fallback));
  const kept: readonly string[] = Object.values(versionFiles);
  for (const name of readdirSync(staging)) if (name.endsWith(".onnx") && !kept.includes(name)) rmSync(join(staging, name));
}

function writeJson(file: string, value: unknown): void {
  writeFileAtomic(file, `${JSON.stringify(value, null, 2)}\n`);
}
