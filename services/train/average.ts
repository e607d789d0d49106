import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "../../lib/bert/checkpoint.js";
import { buildServingGraph } from "../../lib/bert/serving-graph.js";
import type { Log } from "../../lib/cli/log.js";
import { mapWithProgress } from "../../lib/cli/map-with-progress.js";
import { places } from "../../lib/cli/paths.js";
import { type Passage, readPassages } from "../../lib/data/dataset.js";
import { holdOut } from "../../lib/data/split.js";
import { fail } from "../../lib/errors/errors.js";
import { rootMeanSquare } from "../../lib/math/statistics.js";
import { listSplits, readRecord, recordFile, type TrainingRecord } from "../../lib/repository/training-record.js";
import { createLocalEngine } from "../../lib/serving/local-engine.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { checkFolder, writeFileAtomic } from "../../lib/storage/files.js";
import { hashFile } from "../../lib/storage/hash.js";
import { countCores } from "../../lib/system/cores.js";
import { producer } from "../../lib/system/producer.js";
import { loadTokenizer, writeTokenizerFiles } from "../../lib/text/tokenizer.js";
import { readFirstWindow } from "../../lib/text/windows.js";
import { replaceModel, tidyUp } from "./finish.js";
import { eventsFile, metricsFile } from "./metrics.js";
import type { Settings } from "./options.js";

/** A checkpoint to average. */
interface Member {
  readonly folder: string;
  readonly record: TrainingRecord;
}

/**
 * Writes the mean of several checkpoints' weights as one checkpoint: a uniform model soup (Wortsman et al. 2022).
 * @throws no-record, other-architecture, and what the readers throw
 */
export async function averageCheckpoints({ average: folders, out, data }: Settings, log: Log): Promise<void> {
  for (const folder of folders) checkFolder(folder, "a checkpoint to average", "Choose others with --average.");
  const members = folders.map((folder): Member => ({ folder, record: readRecord(folder) ?? fail("no-record", { folder }) }));
  const checkpoint = await averageWeights(members);
  const bases = new Set(members.map(({ record }) => record.base));
  if (bases.size > 1) log.warn(`the checkpoints have different bases, so their average is rarely useful: ${[...bases].join(", ")}`);
  const passages = readHeldOut(data, members, log);
  const rmse = passages.length > 0 ? await measure(checkpoint, members[0]!, passages) : undefined;
  writeAverage(out, checkpoint, members[0]!, describeAverage(members, passages.length, rmse));
  const own = members.map(({ folder, record }) => `${folder} ${record.validation.rmse.toFixed(4)}`).join(", ");
  log.info(`wrote the average of ${members.length} checkpoints to ${out}; RMSE in their own records: ${own}`);
  if (rmse !== undefined) log.info(`validation RMSE of the average ${rmse.toFixed(4)} (unseen passages: ${passages.length})`);
}

/** The mean of the members' weights, summed in double precision. @throws other-architecture */
async function averageWeights(members: readonly Member[]): Promise<Checkpoint> {
  const first = readCheckpoint(members[0]!.folder);
  const sums = new Map([...first.weights].map(([name, { data }]) => [name, Float64Array.from(data)]));
  for (const member of members.slice(1)) {
    const { config, weights } = readCheckpoint(member.folder);
    await compareArchitectures(member, config, members[0]!, first.config);
    for (const [name, sum] of sums) {
      const { data } = weights.get(name)!;
      for (let i = 0; i < sum.length; i++) sum[i]! += data[i]!;
    }
  }
  const mean = (sum: Float64Array) => Float32Array.from(sum, (value) => value / members.length);
  return { ...first, weights: new Map([...first.weights].map(([name, { shape }]) => [name, { shape, data: mean(sums.get(name)!) }])) };
}

/** @throws other-architecture */
async function compareArchitectures(
  member: Member,
  config: Checkpoint["config"],
  first: Member,
  expected: Checkpoint["config"],
): Promise<void> {
  const { source: _, ...ours } = { ...config, max_length: member.record.max_length };
  const { source: __, ...theirs } = { ...expected, max_length: first.record.max_length };
  const show = (value: unknown) => JSON.stringify(value);
  const differences = (Object.keys(theirs) as (keyof typeof theirs)[])
    .filter((name) => show(ours[name]) !== show(theirs[name]))
    .map((name) => `${name} is ${show(ours[name])}, not ${show(theirs[name])}`);
  const hashTokenizer = ({ folder }: Member) => hashFile(join(folder, "tokenizer.json"));
  if (differences.length === 0 && (await hashTokenizer(member)) !== (await hashTokenizer(first)))
    differences.push("its tokenizer.json differs");
  if (differences.length > 0)
    fail("other-architecture", { folder: member.folder, first: first.folder, differences: differences.join("; ") });
}

/** The passages that no member was trained on; none if the data is missing or different. */
function readHeldOut(file: string, members: readonly Member[], log: Log): readonly Passage[] {
  const skip = (why: string) => {
    log.warn(`${why}; the average is not measured`);
    return [];
  };
  if (file === places.data && !existsSync(file)) return skip(`${file} does not exist`);
  const { passages, fingerprint } = readPassages(file, { targets: true, ...members[0]!.record.data.columns });
  const other = members.find(({ record }) => record.data.fingerprint !== fingerprint);
  if (other) return skip(`${other.folder} was not trained on ${file}`);
  const held = holdOut(passages, members.flatMap(({ record }) => listSplits(record))); // biome-ignore format: one line
  if (held.length === 0) return skip("no passage is unseen by all checkpoints");
  return held.map((i) => passages[i]!);
}

/** The RMSE of a checkpoint that is not written yet. @param member whose tokenizer it uses */
async function measure(checkpoint: Checkpoint, { folder, record }: Member, passages: readonly Passage[]): Promise<number> {
  const tokenizer = loadTokenizer(folder);
  const engine = await createLocalEngine({ graph: buildServingGraph(checkpoint, "fp32"), workers: countCores() });
  const scheduler = createScheduler();
  try {
    const score = ({ excerpt }: Passage) => scheduler.score(engine, readFirstWindow(tokenizer, excerpt, record.max_length));
    const scores = await mapWithProgress("average", "texts", passages, score);
    return rootMeanSquare(passages.map(({ target }, i) => scores[i]! - target));
  } finally {
    await engine.close();
  }
}

/** The first member's record, with the members' splits and the sums of their steps and time. */
function describeAverage(members: readonly Member[], rows: number, rmse: number | undefined): TrainingRecord {
  const { fold: _, choices: __, ...first } = members[0]!.record;
  const sum = (value: (record: TrainingRecord) => number) => members.reduce((total, { record }) => total + value(record), 0);
  const seconds = sum((record) => record.seconds);
  return {
    ...first,
    producer: `${producer.name} ${producer.version}`,
    averaged: members.flatMap(({ folder, record }) =>
      listSplits(record).map((split) => ({ folder, rmse: record.validation.rmse, ...split })),
    ),
    epochs: [],
    validation: { rows, rmse: rmse ?? sum((record) => record.validation.rmse) / members.length },
    steps: sum((record) => record.steps),
    seconds,
    tokens_per_second: sum((record) => record.tokens_per_second * record.seconds) / seconds,
  };
}

function writeAverage(out: string, checkpoint: Checkpoint, { folder: tokenizer }: Member, record: TrainingRecord): void {
  tidyUp(out);
  replaceModel(out, (folder) => {
    writeCheckpoint(folder, checkpoint);
    writeTokenizerFiles(tokenizer, folder, record.max_length);
    writeFileAtomic(join(folder, recordFile), `${JSON.stringify(record, null, 2)}\n`);
  });
  for (const stale of ["report.html", metricsFile, eventsFile]) rmSync(join(out, stale), { force: true });
}
