/**
 * Throughput and latency of our systems and of the alternatives, in turn on the same machine with the same texts: first 16 clients in a
 * closed loop, then random arrivals at 80 % of the throughput that they reached.
 *
 *     node dist/bench/serve.js --peers PEERS/serve.py --python python3 --data train.csv.zip [--random-bert] [--lengths passages,64,232]
 *
 * Passages longer than the model reads are scored in windows by ours; the peers cut them. Texts of 512 tokens need --max-length 512.
 */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readConfig } from "../lib/bert/config.js";
import { kinds, option, type Values } from "../lib/cli/options.js";
import { findData, places } from "../lib/cli/paths.js";
import { fail, reason } from "../lib/errors/errors.js";
import { median } from "../lib/math/statistics.js";
import { readNewestVersion } from "../lib/repository/repository.js";
import { writeFileAtomic } from "../lib/storage/files.js";
import { describeMachine } from "../lib/system/machine.js";
import { loadTokenizer, type Tokenizer, writeTokenizerFiles } from "../lib/text/tokenizer.js";
import { splitWindows } from "../lib/text/windows.js";
import { countOperations, measurePeak } from "./peak.js";
import { writeRandomBert } from "./random-bert.js";
import { type Run, runBenchmark } from "./run.js";
import { formatServing, type Measured, type Peak, type Results } from "./serve-table.js";
import { makeRepository } from "./servers.js";
import { type OpenSystem, ours, peers, type Setup, type System } from "./systems.js";
import { cutToLength, drawPassages, type TextSet } from "./texts.js";
import { measureLatencies, measureThroughput } from "./throughput.js";

const options = {
  model: option(kinds.text, places.releasedModel, "Checkpoint to serve, a folder; the peers read it too."),
  randomBert: option(kinds.flag, false, "Serve a BERT-base of random weights, with the tokenizer of --model."),
  repository: option<string | undefined>(
    kinds.text.optional(),
    undefined,
    "Model repository of --model. Without it: made by optimization.",
  ),
  data: option(kinds.text, findData() ?? places.sample, "Passages to send, and to optimize and calibrate with."),
  peers: option<string | undefined>(
    kinds.text.optional(),
    undefined,
    "Script of the peers: --model --data --engine --port; answers /predict and /alive. Without it: ours alone.",
  ),
  python: option(kinds.text, "python3", "Python that has what the peers need."),
  leaveOut: option<readonly string[]>(kinds.list, [], "Systems to leave out, by how their names begin, such as torch-bf16."),
  lengths: option<readonly string[]>(kinds.list, ["passages", "64", "232"], "passages as they are, or texts of so many tokens."),
  maxLength: option(kinds.positive, 256, "Tokens that ours and the peers read at once."),
  texts: option(kinds.positive, 128, "Texts of each length."),
  clients: option(kinds.positive, 16, "Clients of the closed loop."),
  load: option(kinds.number, 0.8, "Share of its own closed-loop rate at which texts arrive at a system."),
  warm: option(kinds.duration, 2, "Seconds of closed loop before each measurement."),
  seconds: option(kinds.duration, 10, "Seconds of each measurement."),
  rounds: option(kinds.positive, 3, "Times that each is measured."),
  restart: option(kinds.flag, false, "Start each system anew for each measurement, where memory does not hold all of them."),
  patience: option(kinds.duration, 900, "Seconds for a system to start."),
  gateRows: option(kinds.positive, 200, "Passages of optimization's accuracy gate."),
  out: option(kinds.text, join(places.artifacts, "bench-serve.json"), "JSON file of all that was measured."),
};

type Settings = Values<typeof options>;

await runBenchmark("serve", options, async (settings, run) => {
  const opened = new Map<System, OpenSystem>();
  try {
    const results = await measureAll(settings, await prepare(settings, run), opened, run.signal);
    writeFileAtomic(settings.out, `${JSON.stringify({ machine: describeMachine(), settings, ...results }, null, 2)}\n`);
    process.stdout.write(formatServing(results));
  } finally {
    await Promise.all([...opened.values()].map(({ close }) => close()));
  }
  return 0;
});

/** The checkpoint with the asked length, and the repository made of it. */
async function prepare(settings: Settings, { folder, signal }: Run): Promise<Setup> {
  const { peers = "", python, data, maxLength, patience, repository = join(folder, "repository") } = settings;
  const model = prepareModel(settings, join(folder, "model"));
  if (settings.repository === undefined)
    await makeRepository(model, repository, [...gateData(data), "--gate-rows", String(settings.gateRows)], signal);
  const found = readNewestVersion(repository).metadata.max_length;
  if (found !== maxLength)
    fail("usage", { problem: `the repository's model reads ${found} tokens, not ${maxLength}`, help: `--max-length ${found}` });
  return { model, repository, maxLength, peers, python, data, patience, signal };
}

/** The sample has no labels: without --data, optimization compares its scores with those of fp32. */
function gateData(data: string): readonly string[] {
  return data === places.sample ? [] : ["--data", data];
}

function prepareModel({ model, randomBert, maxLength }: Settings, copy: string): string {
  if (randomBert) return writeRandomBert(copy, "base", model, maxLength);
  if (loadTokenizer(model).maxLength === maxLength) return model;
  for (const file of ["config.json", "model.safetensors"]) cpSync(join(model, file), join(copy, file));
  writeTokenizerFiles(model, copy, maxLength);
  return copy;
}

function drawTexts({ data, texts, lengths, maxLength }: Settings, tokenizer: Tokenizer): readonly TextSet[] {
  const passages = drawPassages(data, texts, 0);
  return lengths.map((name) => {
    if (name === "passages") return { name, texts: passages };
    const tokens = Number(name);
    if (!Number.isInteger(tokens) || tokens < 3 || tokens > maxLength)
      fail("usage", {
        problem: `--lengths ${name} is neither passages nor a number of 3 to ${maxLength} tokens`,
        help: "another --max-length",
      });
    return { name: `${tokens} tokens`, tokens, texts: cutToLength(passages, tokens, tokenizer) };
  });
}

async function measureAll(settings: Settings, setup: Setup, opened: Map<System, OpenSystem>, signal: AbortSignal): Promise<Results> {
  const left = [...ours, ...(settings.peers === undefined ? [] : peers)].filter(
    ({ name }) => !settings.leaveOut.some((start) => name.startsWith(start)),
  );
  const sets = drawTexts(settings, loadTokenizer(setup.model));
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const open = async (system: System) => {
    const known = opened.get(system);
    if (known) return known;
    say(`starting ${system.name}`);
    const fresh = await system.open(setup);
    opened.set(system, fresh);
    return fresh;
  };
  if (!settings.restart) for (const system of left) await open(system);

  const close = async (system: System) => {
    await opened.get(system)?.close();
    opened.delete(system);
  };
  const failed = new Map<System, string>();
  const measured: Measured[] = [];
  const peaks: Peak[] = [];
  for (let round = 1; round <= settings.rounds; round++) {
    for (const set of sets) {
      peaks.push({ texts: set.name, ...(await measureShare(settings, setup, set)) });
      for (const system of left.filter((one) => !failed.has(one))) {
        if (system.longest !== undefined && (set.tokens ?? 0) > system.longest) continue;
        const { name, http, ours } = system;
        const what = `round ${round}, ${set.name}: ${name}`;
        try {
          const { send } = await open(system);
          measured.push({ texts: set.name, name, http, ours, round, ...(await measure(settings, send, set, round, signal)) });
          const { rate, p50, p99 } = measured.at(-1)!;
          say(`${what}: ${rate.toFixed(1)} texts/s, ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`);
        } catch (error) {
          if (ours || signal.aborted) throw error;
          failed.set(system, `${what}: ${reason(error)}`);
          say(`${failed.get(system)}; it is left out from here on`);
        }
        if (settings.restart || failed.has(system)) await close(system);
      }
    }
  }
  return { measured, peaks, failures: [...failed.values()] };
}

async function measure(settings: Settings, send: OpenSystem["send"], { texts }: TextSet, seed: number, signal: AbortSignal) {
  const { clients, warm, seconds, load } = settings;
  await measureThroughput(send, clients, { texts, seconds: warm, signal });
  const rate = await measureThroughput(send, clients, { texts, seconds, signal });
  const latencies = await measureLatencies(send, load * rate, seed, { texts, seconds, signal });
  await sleep(500); // thread pools may spin for a while before they sleep
  return { rate, offered: load * rate, ...latencies };
}

/** The peak of integer products with these texts, and what one text takes of it. */
async function measureShare({ seconds }: Settings, { model, repository, maxLength }: Setup, { texts }: TextSet) {
  const { sessions, threads, precision } = readNewestVersion(repository).metadata;
  const config = readConfig(model);
  const tokenizer = loadTokenizer(model);
  const windows = texts.flatMap((text) => splitWindows(tokenizer, text, maxLength).ids.map((ids) => ids.length));
  const operations = windows.reduce((sum, tokens) => sum + countOperations(config, tokens), 0) / texts.length;
  const peak = await measurePeak(config, Math.round(median(windows)), sessions * threads, Math.min(1, seconds));
  return { operationsPerText: precision === "int8" ? operations : 0, operationsPerSecond: peak };
}
