import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "../../lib/bert/checkpoint.js";
import { buildServingGraph } from "../../lib/bert/serving-graph.js";
import type { Log } from "../../lib/cli/log.js";
import { places } from "../../lib/cli/paths.js";
import { type Passage, readPassages } from "../../lib/data/dataset.js";
import { holdOut } from "../../lib/data/split.js";
import { fail } from "../../lib/errors/errors.js";
import { rootMeanSquare } from "../../lib/math/statistics.js";
import { listSplits, readRecord, recordFile, type TrainingRecord } from "../../lib/repository/training-record.js";
import { createLocalEngine } from "../../lib/serving/local-engine.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { writeFileAtomic } from "../../lib/storage/files.js";
import { hashFile } from "../../lib/storage/hash.js";
import { countCores } from "../../lib/system/cores.js";
import { producer } from "../../lib/system/producer.js";
import { loadTokenizer, writeTokenizerFiles } from "../../lib/text/tokenizer.js";
import { replaceModel, tidyUp } from "./finish.js";
import { eventsFile, metricsFile } from "./metrics.js";
import type { Settings } from "./options.js";
import { scoreAll } from "./score-all.js";

interface Member {
  readonly folder: string;
  readonly record: TrainingRecord;
}

/**
 * Writes the mean of several checkpoints' weights as one checkpoint: a uniform model soup (Wortsman et al. 2022).
 * @throws bad-combination, no-record, other-architecture, and what the readers throw
 */
export async function averageCheckpoints({ average: folders, out, data }: Settings, log: Log): Promise<void> {
  const own = folders.find((folder) => resolve(folder) === resolve(out));
  if (own !== undefined) {
    const why = "the average would overwrite a checkpoint that it is made of";
    fail("bad-combination", { options: `--out ${own} with --average ${own}`, why, remedy: "Choose another folder with --out." });
  }
  const members = folders.map((folder): Member => ({ folder, record: readRecord(folder) ?? fail("no-record", { folder }) }));
  const checkpoint = await averageWeights(members);
  const bases = new Set(members.map(({ record }) => record.base));
  if (bases.size > 1) log.warn(`the checkpoints have different bases, so their average is rarely useful: ${[...bases].join(", ")}`);
  const passages = readHeldOut(data, members, log);

  const rmse = passages.length > 0 ? await measure(checkpoint, members[0]!, passages) : undefined;
  const record = describeAverage(members, { rows: passages.length, rmse });

  tidyUp(out);
  replaceModel(out, (folder) => {
    writeCheckpoint(folder, checkpoint);
    writeTokenizerFiles(folders[0]!, folder, record.max_length);
    writeFileAtomic(join(folder, recordFile), `${JSON.stringify(record, null, 2)}\n`);
  });
  for (const stale of ["report.html", metricsFile, eventsFile]) rmSync(join(out, stale), { force: true });
  log.info(`wrote the average of ${members.length} checkpoints to ${out}; RMSE in their own records: ${listErrors(members)}`);
  if (rmse !== undefined) log.info(`validation RMSE of the average ${rmse.toFixed(4)} (unseen passages: ${passages.length})`);
}

/** The mean of the members' weights, summed in double precision. */
async function averageWeights(members: readonly Member[]): Promise<Checkpoint> {
  const first = readCheckpoint(members[0]!.folder);
  const sums = new Map([...first.weights].map(([name, { data }]) => [name, Float64Array.from(data)]));
  for (const member of members.slice(1)) {
    const { config, weights } = readCheckpoint(member.folder);
    await compare(member, config, members[0]!, first.config);
    for (const [name, sum] of sums) {
      const { data } = weights.get(name)!;
      for (let i = 0; i < sum.length; i++) sum[i]! += data[i]!;
    }
  }
  const mean = (sum: Float64Array) => Float32Array.from(sum, (value) => value / members.length);
  return { ...first, weights: new Map([...first.weights].map(([name, { shape }]) => [name, { shape, data: mean(sums.get(name)!) }])) };
}

/** @throws other-architecture */
async function compare(member: Member, config: Checkpoint["config"], first: Member, expected: Checkpoint["config"]): Promise<void> {
  const { source: _, ...ours } = { ...config, max_length: member.record.max_length };
  const { source: __, ...theirs } = { ...expected, max_length: first.record.max_length };
  const names = Object.keys(theirs) as (keyof typeof theirs)[];
  const told = (value: unknown) => JSON.stringify(value);
  const differences = names
    .filter((name) => told(ours[name]) !== told(theirs[name]))
    .map((name) => `${name} is ${told(ours[name])}, not ${told(theirs[name])}`);
  const tokenizer = ({ folder }: Member) => hashFile(join(folder, "tokenizer.json"));
  if (differences.length === 0 && (await tokenizer(member)) !== (await tokenizer(first))) differences.push("its tokenizer.json differs");
  if (differences.length > 0)
    fail("other-architecture", { folder: member.folder, first: first.folder, differences: differences.join("; ") });
}

/** The passages that no member was trained on, where the data is there. */
function readHeldOut(file: string, members: readonly Member[], log: Log): Passage[] {
  if (file === places.data && !existsSync(file)) {
    log.warn(`${file} does not exist; the average is not measured`);
    return [];
  }
  const { passages, fingerprint } = readPassages(file, { targets: true, ...members[0]!.record.data.columns });
  const other = members.find(({ record }) => record.data.fingerprint !== fingerprint);
  if (other) {
    log.warn(`${other.folder} was not trained on ${file}; the average is not measured`);
    return [];
  }
  const held = holdOut(passages, members.flatMap(({ record }) => listSplits(record))); // biome-ignore format: one line
  if (held.length === 0) log.warn("no passage is unseen by all checkpoints; the average is not measured");
  return held.map((i) => passages[i]!);
}

/** The RMSE of a checkpoint that is not written yet, with a member's tokenizer. */
async function measure(checkpoint: Checkpoint, { folder, record }: Member, passages: readonly Passage[]): Promise<number> {
  const tokenizer = loadTokenizer(folder);
  const engine = await createLocalEngine({ graph: buildServingGraph(checkpoint, "fp32"), workers: countCores() });
  const scheduler = createScheduler();
  try {
    const encode = ({ excerpt }: Passage) => tokenizer.encodeTruncated(excerpt, record.max_length);
    const scores = await scoreAll("average", passages, (passage) => scheduler.score(engine, encode(passage)));
    return rootMeanSquare(passages.map(({ target }, i) => scores[i]! - target));
  } finally {
    await engine.close();
  }
}

/** The first one's record, with what all of them took. */
function describeAverage(members: readonly Member[], { rows, rmse }: { rows: number; rmse: number | undefined }): TrainingRecord {
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

const listErrors = (members: readonly Member[]) =>
  members.map(({ folder, record }) => `${folder} ${record.validation.rmse.toFixed(4)}`).join(", ");
