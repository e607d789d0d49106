import { rmSync } from "node:fs";
import { measureRanges } from "../../lib/bert/ranges.js";
import { countCores } from "../../lib/cores.js";
import { fail } from "../../lib/errors.js";
import { createLog, type Log } from "../../lib/log.js";
import { describeMachine } from "../../lib/machine.js";
import { parseOptions, type Values } from "../../lib/options.js";
import { showProgress } from "../../lib/progress.js";
import { abortOnSignals } from "../../lib/signals.js";
import { formatTritonConfig } from "../../lib/triton-config.js";
import { tryPrecision } from "./candidates.js";
import { type Gate, judgePrecisions } from "./gate.js";
import { type Model, readModel } from "./model.js";
import { options } from "./options.js";
import { type GateRows, pickTypical, readGateRows, readSampleTexts } from "./rows.js";
import { chooseTrial, listLayouts, measureTrials, type Trial } from "./speed.js";
import { stageVersion } from "./stage.js";
import { formatTable } from "./table.js";
import { openStaging, publishVersion } from "./version.js";

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

async function optimize(settings: Settings, log: Log, signal: AbortSignal): Promise<void> {
  const { out, name } = settings;
  const model = readModel(settings.model);
  const rows = readGateRows(settings.data, model.record, model.encode, settings.gateRows);
  for (const warning of rows.warnings) log.warn(warning);
  const staging = openStaging(out, name);
  try {
    log.info(`accuracy on ${rows.ids.length} passages of ${rows.source}, speed on ${describeMachine().cpu} with ${countCores()} cores`);
    const { gate, references } = await measureAccuracy(settings, model, rows, staging, signal);
    const trials = await measureSpeed(settings, gate, rows, signal);
    const kept = chooseTrial(trials);
    const served = gate.judged.find(({ graph }) => graph === kept.graph)!;
    process.stdout.write(formatTable(gate.judged, trials, kept));

    await stageVersion(staging, { model, rows, gate, trials, kept, served, references });
    signal.throwIfAborted();
    const { sessions, threads } = kept.layout;
    const { folder, unchanged } = publishVersion(out, name, staging, formatTritonConfig({ name, sessions, threads }), settings.keep);
    log.info(`${folder}${unchanged ? " is unchanged" : ""}: ${served.precision}, sessions x threads ${sessions} x ${threads}`);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** Puts every precision through the gate, and scores the reference texts in float32 while at it. @throws no-scores */
async function measureAccuracy({ precision, gate: margin }: Settings, model: Model, rows: GateRows, folder: string, signal: AbortSignal) {
  const { checkpoint, encode, record } = model;
  const sample = readSampleTexts();
  const quantized = precision !== "fp32";
  const ranges = quantized ? await measureRanges(checkpoint, sample.ranges.map(encode), countCores()) : undefined;
  const texts = [...rows.ids, ...sample.references.map(encode)];
  const gate = await judgePrecisions(rows, { quantized, margin, expected: record?.validation.rmse }, (precision) =>
    tryPrecision(precision, texts, { checkpoint, ranges, folder, sessions: countCores(), signal }),
  );
  const scores = gate.judged[0]!.scores.slice(rows.ids.length);
  if (!gate.judged[0]!.scores.every(Number.isFinite)) fail("no-scores", { folder: model.folder });
  return { gate, references: sample.references.map((text, i) => ({ text, score: scores[i]! })) };
}

/** How many texts of typical length speed is measured with. */
const typicalTexts = 32;

/** Measures what passed, as far as it is asked for. @throws gate-failed where nothing is left */
async function measureSpeed(
  { precision, seconds, rounds }: Settings,
  { judged, bound }: Gate,
  rows: GateRows,
  signal: AbortSignal,
): Promise<readonly Trial[]> {
  const passed = judged.filter((candidate) => candidate.passed && (precision !== "int8" || candidate.precision !== "fp32"));
  if (passed.length === 0) fail("gate-failed", { rmse: judged.at(-1)!.accuracy.rmse, bound });
  const trials = passed.flatMap(({ graph }) => listLayouts(countCores()).map((layout): Trial => ({ graph, layout, rates: [] })));
  const texts = pickTypical(rows.ids, typicalTexts);
  const progress = showProgress("speed", trials.length * rounds, "runs");
  let done = 0;
  await measureTrials(trials, { texts, seconds, rounds, signal, onRun: () => progress.update(++done) });
  progress.update(trials.length * rounds); // the slow ones are measured less often
  progress.stop();
  return trials;
}
