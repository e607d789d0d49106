import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createLog, type Log } from "../../lib/cli/log.js";
import { parseOptions, type Values } from "../../lib/cli/options.js";
import { places } from "../../lib/cli/paths.js";
import { abortOnSignals } from "../../lib/cli/signals.js";
import { onnxRuntime } from "../../lib/onnx/session.js";
import { batching, formatTritonConfig, type WarmUp, warmUpFiles } from "../../lib/repository/triton-config.js";
import { checkPlace } from "../../lib/storage/files.js";
import { hashValue } from "../../lib/storage/hash.js";
import { withLock } from "../../lib/storage/lock.js";
import { countCores } from "../../lib/system/cores.js";
import { describeMachine } from "../../lib/system/machine.js";
import { producer } from "../../lib/system/producer.js";
import { listBuckets } from "./buckets.js";
import { openCache } from "./cache.js";
import { checkChoice, type Target } from "./candidates.js";
import { formatTable } from "./candidates-table.js";
import { hashCheckpoint, type LoadedCheckpoint, loadCheckpoint } from "./checkpoint.js";
import { createGraphs } from "./graphs.js";
import { createMeasurements } from "./measurements.js";
import { options } from "./options.js";
import { readGateRows, readSampleTexts } from "./rows.js";
import { type SearchResult, search } from "./search.js";
import { listLayouts } from "./speed.js";
import { stageVersion } from "./stage.js";
import { type ModelFiles, openStaging, publishVersion } from "./version.js";

type Settings = Values<typeof options>;

/** Makes the fastest accurate version of a checkpoint, for this machine or for a GPU, in a model repository. */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = parseOptions("optimization", options, argv);
  checkChoice(settings.target, settings.precision);
  checkPlace(settings.out, "a folder");
  if (settings.cache !== undefined) checkPlace(settings.cache, "a file");
  const log = createLog("optimization");
  const signal = abortOnSignals();
  try {
    await withLock(settings.out, () => optimize(settings, log, signal));
    return 0;
  } catch (error) {
    if (!signal.aborted) throw error;
    log.warn("stopped; the repository is unchanged");
    return 1;
  }
}

async function optimize(settings: Settings, log: Log, signal: AbortSignal): Promise<void> {
  const { out, name, target, seconds, rounds, cache, fresh } = settings;
  const model = loadCheckpoint(settings.model ?? (existsSync(places.model) ? places.model : places.releasedModel));
  log.info(`model: ${model.folder}`);
  const rows = readGateRows(settings, model.record, model.readWindows, settings.gateRows);
  for (const warning of rows.warnings) log.warn(warning);
  const sample = readSampleTexts();
  const texts = {
    rows: rows.windows,
    excerpts: rows.excerpts.flat().map(({ windows }) => windows),
    references: sample.references.map((text) => ({ ids: [model.encode(text)], weights: [1] })), // a server checks the first window,
    ranges: sample.ranges.map(model.encode),
  };
  const checkpoint = await hashCheckpoint(model.folder);
  const staging = openStaging(out, name);
  try {
    log.info(`measuring accuracy on ${rows.source} (passages: ${rows.windows.length})${describeSpeed(target)}`);
    const graphs = createGraphs(model.checkpoint, staging, texts.ranges);
    // All that measurements depend on. The choice may depend on more.
    const key = hashValue({ producer, onnxRuntime, machine: describeMachine(), checkpoint, texts, seconds, rounds });
    const measured = openCache(cache ?? join(out, ".optimization-cache.json"), key, fresh);
    if (measured.known) log.info("using cached measurements; --fresh measures again");
    const found = await search(
      {
        ...{ target, precision: settings.precision, layers: model.checkpoint.config.layers, layouts: listLayouts(countCores()), rounds },
        ...{
          targets: rows.targets,
          margin: settings.gate,
          deviation: model.record?.scale?.deviation,
          expected: model.record?.validation.rmse,
        },
      },
      createMeasurements({ model, graphs, texts, seconds, log, signal }),
      measured,
    );
    process.stdout.write(formatTable(found));

    await stageVersion(staging, { target, model, checkpoint, rows, references: sample.references, found }, graphs);
    signal.throwIfAborted();
    const { folder, unchanged } = publishVersion(out, name, staging, describeModel(settings, model, sample.ranges, found), settings.keep);
    const { precision, layout } = found.kept;
    log.info(`${folder}${unchanged ? " is unchanged" : ""}: ${precision}, sessions x threads ${layout.sessions} x ${layout.threads}`);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

const describeSpeed = (target: Target) =>
  target === "gpu" ? "; speed on a GPU is not measured" : ` and speed on ${describeMachine().cpu} (cores: ${countCores()})`;

/** config.pbtxt and the texts that Triton warms up with: of each length that clients pad to, or of the longest, which takes most memory. */
function describeModel(
  { name, target }: Settings,
  { encode, maxLength }: LoadedCheckpoint,
  sample: readonly string[],
  { kept }: SearchResult,
): ModelFiles {
  const ids = encode(sample.join(" "));
  const lengths = target === "gpu" ? listBuckets(maxLength) : [ids.length];
  const warmUps: readonly WarmUp[] = [
    ...lengths.map((length) => ({ length, batch: 1 })),
    ...(target === "gpu" ? [{ length: maxLength, batch: batching.texts }] : []),
  ];
  return {
    config: formatTritonConfig({ name, target, ...kept.layout, warmUps }),
    warmUps: warmUpFiles(lengths.map((length) => [...ids.slice(0, length - 1), ids.at(-1)!])),
  };
}
