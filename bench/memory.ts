/**
 * Resident memory of our servers while they answer many requests of mixed length: the most in each tenth of them, and how much more
 * than in the first that is.
 *
 *     node dist/bench/memory.js [--requests 100000] [--small]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kinds, option, parseOptions, type Values } from "../lib/cli/options.js";
import { places } from "../lib/cli/paths.js";
import { runMain } from "../lib/cli/run-main.js";
import { abortOnSignals } from "../lib/cli/signals.js";
import { findPort } from "../lib/http/listen.js";
import { createRandom } from "../lib/math/random.js";
import { describeMachine } from "../lib/system/machine.js";
import { makeRepository } from "./make-repository.js";
import { connectPredict } from "./predict.js";
import { type Launch, type Server, startServer } from "./processes.js";
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

/** The largest resident memory of each process in MiB, over a tenth of the requests that ends with so many. */
interface Tenth {
  readonly requests: number;
  readonly mebibytes: readonly number[];
}

/** Garbage is collected when V8 thinks fit: memory is read often, and what counts is the most it was. */
const readingsInTenth = 50;

await runMain(async (argv) => {
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
    const tenths = await sendAll(settings, addressOf(port), servers, signal);
    process.stdout.write(formatTenths(names, tenths));
  } finally {
    for (const server of servers.toReversed()) await server.stop();
  }
}

async function sendAll(settings: Settings, address: string, servers: readonly Server[], signal: AbortSignal): Promise<readonly Tenth[]> {
  const { requests, clients } = settings;
  const words = drawPassages(settings.data, 100, 0).flatMap((passage) => passage.split(/\s+/));
  const random = createRandom(0);
  const { send, close } = connectPredict(address);
  const tenths: Tenth[] = [];
  let largest = servers.map(() => 0);
  const read = (done: number) => {
    largest = servers.map(({ child }, i) => Math.max(largest[i]!, readResident(child.pid!)));
    if (done < (requests * (tenths.length + 1)) / 10) return;
    tenths.push({ requests: done, mebibytes: largest });
    process.stderr.write(`${done} requests: ${largest.map((size) => size.toFixed(0)).join(", ")} MiB\n`);
    largest = servers.map(() => 0);
  };
  const step = Math.ceil(requests / 10 / readingsInTenth);
  let [sent, done] = [0, 0];
  const act = async () => {
    while (sent++ < requests) {
      signal.throwIfAborted();
      const from = random.int(words.length);
      await send(words.slice(from, from + 1 + random.int(settings.longest)).join(" "));
      if (++done % step === 0 || done === requests) read(done);
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, act));
  } finally {
    await close();
  }
  return tenths;
}

/** Resident memory of a process in MiB. */
function readResident(pid: number): number {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
}

function formatTenths(names: readonly string[], tenths: readonly Tenth[]): string {
  const rows = tenths.map(({ requests, mebibytes }) => `| ${[requests, ...mebibytes.map((size) => size.toFixed(0))].join(" | ")} |\n`);
  const [first, ...others] = tenths;
  const growth = names.map((_, i) => {
    const largest = Math.max(...others.map(({ mebibytes }) => mebibytes[i]!));
    return `${(100 * (largest / first!.mebibytes[i]! - 1)).toFixed(1)} %`;
  });
  const head = `\n| requests | ${names.map((name) => `${name}, MiB`).join(" | ")} |\n|${"---:|".repeat(1 + names.length)}\n`;
  return `${head}${rows.join("")}| growth after the first tenth | ${growth.join(" | ")} |\n`;
}
