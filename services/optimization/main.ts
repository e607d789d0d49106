import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { countCores } from "../../lib/cores.js";
import { fail } from "../../lib/errors.js";
import { hashFile, writeFileAtomic } from "../../lib/files.js";
import { createLog, type Log } from "../../lib/log.js";
import { describeMachine } from "../../lib/machine.js";
import { parseOptions, type Values } from "../../lib/options.js";
import { producer } from "../../lib/producer.js";
import { showProgress } from "../../lib/progress.js";
import { type Metadata, versionFiles } from "../../lib/repository.js";
import { abortOnSignals } from "../../lib/signals.js";
import { writeTokenizerFiles } from "../../lib/text/tokenizer.js";
import { formatTritonConfig } from "../../lib/triton-config.js";
import { tryPrecision } from "./candidates.js";
import { type Gate, type Judged, judgePrecisions } from "./gate.js";
import { hashCheckpoint, readModel } from "./model.js";
import { options } from "./options.js";
import { type GateRows, pickTypical, readGateRows, readReferenceTexts } from "./rows.js";
import { chooseTrial, listLayouts, measureTrials, type Trial } from "./speed.js";
import { formatTable } from "./table.js";
import { openStaging, publishVersion, reportFile } from "./version.js";

type Settings = Values<typeof options>;

/** Makes the fastest accurate version of a checkpoint for this machine, in a model repository. */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = parseOptions("optimization", options, argv);
  const log = createLog("optimization");
  const signal = abortOnSignals();
  try {
    await optimize(settings, log, signal);
    return 0;
  } catch (error) {
    if (!signal.aborted) throw error;
    log.warn("stopped; the repository is as it was");
    return 1;
  }
}

/** How many texts of typical length speed is measured with. */
const typicalTexts = 32;

async function optimize(settings: Settings, log: Log, signal: AbortSignal): Promise<void> {
  const { model: folder, out, name, precision, rounds, seconds } = settings;
  const model = readModel(folder);
  const rows = readGateRows(settings.data, model.record, model.encode, settings.gateRows);
  for (const warning of rows.warnings) log.warn(warning);
  const references = readReferenceTexts();
  const staging = openStaging(out, name);
  try {
    log.info(`accuracy on ${rows.ids.length} passages of ${rows.source}, speed on ${describeMachine().cpu} with ${countCores()} cores`);
    const texts = [...rows.ids, ...references.map(model.encode)];
    const trying = { checkpoint: model.checkpoint, folder: staging, sessions: countCores(), signal };
    const gate = await judgePrecisions(
      rows,
      { quantized: precision !== "fp32", margin: settings.gate, expected: model.record?.validation.rmse },
      (precision) => tryPrecision(precision, texts, trying),
    );
    const { judged } = gate;
    const passed = judged.filter((candidate) => candidate.passed && (precision !== "int8" || candidate.precision !== "fp32"));
    if (passed.length === 0) fail("gate-failed", { rmse: judged.at(-1)!.accuracy.rmse, bound: gate.bound });

    const trials = passed.flatMap(({ graph }) => listLayouts(countCores()).map((layout): Trial => ({ graph, layout, rates: [] })));
    const progress = showProgress("speed", trials.length * rounds, "runs");
    let done = 0;
    await measureTrials(trials, {
      texts: pickTypical(rows.ids, typicalTexts),
      seconds,
      rounds,
      signal,
      onRun: () => progress.update(++done),
    });
    progress.update(trials.length * rounds);
    progress.stop();
    const kept = chooseTrial(trials);
    const served = judged.find(({ graph }) => graph === kept.graph)!;
    process.stdout.write(formatTable(judged, trials, kept));

    writeTokenizerFiles(folder, staging, model.maxLength);
    const scores = judged[0]!.scores.slice(rows.ids.length);
    const metadata: Metadata = {
      producer: `${producer.name} ${producer.version}`,
      base: model.base,
      checkpoint: await hashCheckpoint(folder),
      precision: served.precision === "fp32" ? "fp32" : "int8",
      ...kept.layout,
      max_length: model.maxLength,
      pad_token_id: model.padId,
      tokenizer: await hashFile(join(staging, "tokenizer.json")),
      accuracy: describeAccuracy(rows, judged[0]!, served),
      reference: { tolerance: chooseTolerance(served), texts: references.map((text, i) => ({ text, score: scores[i]! })) },
    };
    writeJson(join(staging, versionFiles.metadata), metadata);
    writeJson(join(staging, reportFile), describeTrials(settings, rows, gate, trials, kept));
    arrangeGraphs(staging, judged, served);
    signal.throwIfAborted();
    const config = formatTritonConfig({ name, ...kept.layout });
    const published = publishVersion(out, name, staging, config, settings.keep);
    log.info(
      `${published.folder}: ${served.precision}, ${kept.layout.sessions} sessions of ${kept.layout.threads} threads${published.unchanged ? ", unchanged" : ""}`,
    );
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function describeAccuracy({ ids, targets }: GateRows, fp32: Judged, { accuracy }: Judged): Metadata["accuracy"] {
  return {
    against: targets ? "targets" : "fp32",
    rows: ids.length,
    rmse: accuracy.rmse,
    rmse_fp32: fp32.accuracy.rmse,
    largest_difference: accuracy.largestDifference,
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

function describeTrials(
  settings: Settings,
  { source, ids, targets }: GateRows,
  { judged, bound }: Gate,
  trials: readonly Trial[],
  kept: Trial,
) {
  const precisionOf = (graph: string) => judged.find((candidate) => candidate.graph === graph)!.precision;
  return {
    machine: describeMachine(),
    model: settings.model,
    gate: { source, rows: ids.length, against: targets ? "targets" : "fp32", largest_rmse: bound },
    graphs: judged.map(({ precision, accuracy, passed }) => ({
      precision,
      passed,
      rmse: accuracy.rmse,
      largest_difference: accuracy.largestDifference,
      mean_difference: accuracy.meanDifference,
      rank_correlation: accuracy.rankCorrelation,
    })),
    trials: trials.map((trial) => ({
      precision: precisionOf(trial.graph),
      ...trial.layout,
      texts_per_second: trial.rates,
      kept: trial === kept,
    })),
  };
}

function writeJson(file: string, value: unknown): void {
  writeFileAtomic(file, `${JSON.stringify(value, null, 2)}\n`);
}
