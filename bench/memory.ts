/**
 * Resident memory of our servers while they answer many requests of mixed length: growth after the first tenth of them.
 *
 *     node dist/bench/memory.js [--requests 100000] [--small]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeMachine } from "../lib/machine.js";
import { kinds, option, parseOptions, type Values } from "../lib/options.js";
import { places } from "../lib/places.js";
import { createRandom } from "../lib/random.js";
import { abortOnSignals } from "../lib/signals.js";
import { runBench } from "./command.js";
import { makeRepository } from "./make-repository.js";
import { connectPredict } from "./predict.js";
import { findPort, type Launch, type Server, startServer } from "./processes.js";
import { addressOf, launchApi, launchInference } from "./services.js";
import { drawPassages } from "./texts.js";

const options = {
  model: option(kinds.text, places.releasedModel, "Checkpoint to serve."),
  small: option(kinds.flag, false, "Serve a small BERT of random weights instead, with the tokenizer of --model: many times as fast."),
  data: option(kinds.text, places.sample, "Passages of whose words the texts are."),
  requests: option(kinds.positive, 100_000, "Requests."),
  longest: option(kinds.positive, 500, "Words of the longest text; the shortest has one."),
  clients: option(kinds.positive, 16, "Clients, each sending its next request when the last one is answered."),
  patience: option(kinds.positive, 120, "Seconds for a server to start."),
};

type Settings = Values<typeof options>;

/** Resident memory of each process in MiB, after so many requests. */
interface Sample {
  readonly requests: number;
  readonly mebibytes: readonly number[];
}

const tenths = 10;

await runBench(async (argv) => {
  const settings = parseOptions("bench_memory", options, argv);
  const signal = abortOnSignals();
  const folder = mkdtempSync(join(tmpdir(), "readability-memory-"));
  try {
    const repository = await makeRepository(folder, settings, signal);
    const serving = { ...settings, repository, signal };
    const [inference, api, alone] = [await findPort(), await findPort(), await findPort()];
    process.stdout.write(`${JSON.stringify(describeMachine())}\n`);
    await measure(
      settings,
      signal,
      api,
      ["inference", "api before it"],
      [launchInference(serving, inference), launchApi(serving, api, inference)],
    );
    await measure(settings, signal, alone, ["api with the model in its process"], [launchApi(serving, alone)]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Starts servers, sends the requests to the last one and prints the table. */
async function measure(
  settings: Settings,
  signal: AbortSignal,
  port: number,
  names: readonly string[],
  launches: readonly Launch[],
): Promise<void> {
  const servers: Server[] = [];
  try {
    for (const launch of launches) servers.push(await startServer(launch));
    const samples = await sendAll(settings, addressOf(port), servers, signal);
    process.stdout.write(formatSamples(names, samples));
  } finally {
    for (const server of servers.toReversed()) await server.stop();
  }
}

async function sendAll(settings: Settings, address: string, servers: readonly Server[], signal: AbortSignal): Promise<readonly Sample[]> {
  const { requests, clients } = settings;
  const words = drawPassages(settings.data, 100, 0).flatMap((passage) => passage.split(/\s+/));
  const random = createRandom(0);
  const { send, close } = connectPredict(address);
  const samples: Sample[] = [];
  const sample = (done: number) => {
    samples.push({ requests: done, mebibytes: servers.map(({ child }) => readResident(child.pid!)) });
    process.stderr.write(
      `${done} requests: ${samples
        .at(-1)!
        .mebibytes.map((size) => size.toFixed(0))
        .join(", ")} MiB\n`,
    );
  };
  let [sent, done] = [0, 0];
  const act = async () => {
    while (sent++ < requests) {
      signal.throwIfAborted();
      const from = random.int(words.length);
      await send(words.slice(from, from + 1 + random.int(settings.longest)).join(" "));
      if (++done % Math.ceil(requests / tenths) === 0) sample(done);
    }
  };
  sample(0);
  try {
    await Promise.all(Array.from({ length: clients }, act));
  } finally {
    await close();
  }
  return samples;
}

/** Resident memory of a process in MiB. */
function readResident(pid: number): number {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
}

function formatSamples(names: readonly string[], samples: readonly Sample[]): string {
  const rows = samples.map(({ requests, mebibytes }) => `| ${[requests, ...mebibytes.map((size) => size.toFixed(0))].join(" | ")} |\n`);
  const [, first] = samples;
  const growth = names.map((_, i) => {
    const largest = Math.max(...samples.slice(1).map(({ mebibytes }) => mebibytes[i]!));
    return `${(100 * (largest / first!.mebibytes[i]! - 1)).toFixed(1)} %`;
  });
  const head = `\n| requests | ${names.map((name) => `${name}, MiB`).join(" | ")} |\n|${"---:|".repeat(1 + names.length)}\n`;
  return `${head}${rows.join("")}| growth after the first tenth | ${growth.join(" | ")} |\n`;
}
