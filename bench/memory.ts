/**
 * Resident memory of our servers under many requests of mixed length: the peak in each tenth of the requests, and its growth after
 * the first tenth.
 *
 *     node dist/bench/memory.js [--requests 100000] [--small]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pMap from "p-map";
import { kinds, option, parseOptions, type Values } from "../lib/cli/options.js";
import { places } from "../lib/cli/paths.js";
import { runMain } from "../lib/cli/run-main.js";
import { abortOnSignals } from "../lib/cli/signals.js";
import { connectPredict } from "../lib/http/predict-client.js";
import { createRandom } from "../lib/math/random.js";
import { describeMachine } from "../lib/system/machine.js";
import type { Supervisor } from "../lib/system/supervisor.js";
import { makeRepository } from "./make-repository.js";
import { createServers, startApi, startInference } from "./servers.js";
import { createSend } from "./systems.js";
import { drawPassages } from "./texts.js";

const options = {
  model: option(kinds.text, places.releasedModel, "Checkpoint to serve."),
  small: option(kinds.flag, false, "Serve a small BERT of random weights instead, with the tokenizer of --model: many times as fast."),
  data: option(kinds.text, places.sample, "Passages of whose words the texts are."),
  requests: option(kinds.positive, 100_000, "Requests."),
  longest: option(kinds.positive, 500, "Words of the longest text; the shortest has one."),
  clients: option(kinds.positive, 16, "Clients, each sending its next request when the last one is answered."),
  patience: option(kinds.duration, 120, "Seconds for a server to start."),
};

type Settings = Values<typeof options>;

/** The peak resident memory of each process in MiB, over the tenth of the requests that ends with this many. */
interface Tenth {
  readonly requests: number;
  readonly mebibytes: readonly number[];
}

/** V8 collects garbage when it sees fit, so the peak of many readings counts. */
const readingsInTenth = 50;

await runMain(async (argv) => {
  const settings = parseOptions("bench_memory", options, argv);
  const signal = abortOnSignals();
  const folder = mkdtempSync(join(tmpdir(), "readability-memory-"));
  try {
    const repository = await makeRepository(folder, settings, signal);
    const serving = { ...settings, repository, signal };
    process.stdout.write(`${JSON.stringify(describeMachine())}\n`);
    await measure(settings, signal, { inference: "inference", api: "api before it" }, async (servers) =>
      startApi(servers, serving, { inference: await startInference(servers, serving) }),
    );
    await measure(settings, signal, { api: "api with the model in its process" }, (servers) => startApi(servers, serving));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/**
 * Starts servers, sends the requests and prints the table.
 * @param names of the servers in the table
 * @param start resolves with the address that answers /predict
 */
async function measure(
  settings: Settings,
  signal: AbortSignal,
  names: Readonly<Record<string, string>>,
  start: (servers: Supervisor) => Promise<string>,
): Promise<void> {
  const servers = createServers(signal);
  try {
    const address = await start(servers);
    const pids = Object.keys(names).map((name) => servers.child(name).process.pid!);
    process.stdout.write(formatTenths(Object.values(names), await sendAll(settings, address, pids, signal)));
  } finally {
    await servers.stop();
  }
}

async function sendAll(settings: Settings, address: string, pids: readonly number[], signal: AbortSignal): Promise<readonly Tenth[]> {
  const { requests, clients } = settings;
  const words = drawPassages(settings.data, 100, 0).flatMap((passage) => passage.split(/\s+/));
  const random = createRandom(0);
  const client = connectPredict(address, { timeout: 120 });
  const send = createSend(address, client);
  const tenths: Tenth[] = [];
  let largest = pids.map(() => 0);
  const read = (done: number) => {
    largest = pids.map((pid, i) => Math.max(largest[i]!, readResident(pid)));
    if (done < (requests * (tenths.length + 1)) / 10) return;
    tenths.push({ requests: done, mebibytes: largest });
    process.stderr.write(`${done} requests: ${largest.map((size) => size.toFixed(0)).join(", ")} MiB\n`);
    largest = pids.map(() => 0);
  };
  const step = Math.ceil(requests / 10 / readingsInTenth);
  let done = 0;
  const sendOne = async () => {
    const from = random.int(words.length);
    await send(words.slice(from, from + 1 + random.int(settings.longest)).join(" "));
    if (++done % step === 0 || done === requests) read(done);
  };
  try {
    await pMap(new Array(requests), sendOne, { concurrency: clients, signal });
  } finally {
    await client.close();
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
