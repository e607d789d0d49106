/**
 * Resident memory of our servers under many requests of mixed length: the peak in each tenth of the requests, and its growth after
 * the first tenth.
 *
 *     node dist/bench/memory.js [--requests 100000] [--small]
 */
import { readFileSync } from "node:fs";
import pMap from "p-map";
import { kinds, option, type Values } from "../lib/cli/options.js";
import { connectPredict } from "../lib/http/predict-client.js";
import { createRandom } from "../lib/math/random.js";
import { markdownTable } from "../lib/report/markdown.js";
import { runBenchmark } from "./run.js";
import { createServers, prepareServing, type Service, type Serving, servingOptions, startOurs } from "./servers.js";
import { createSend } from "./systems.js";
import { drawPassages } from "./texts.js";

const options = {
  ...servingOptions,
  requests: option(kinds.positive, 100_000, "Requests."),
  longest: option(kinds.positive, 500, "Words of the longest text; the shortest has one."),
  clients: option(kinds.positive, 16, "Clients, each sending its next request when the last one is answered."),
};

type Settings = Values<typeof options>;

/** The peak resident memory of each process in MiB, over the tenth of the requests that ends with this many. */
interface Tenth {
  readonly requests: number;
  readonly mebibytes: readonly number[];
}

/** V8 collects garbage when it sees fit, so the peak of many readings counts. */
const readingsInTenth = 50;

await runBenchmark("memory", options, async (settings, run) => {
  const serving = await prepareServing(settings, run);
  await measure(settings, serving, { inference: "inference", api: "api before it" });
  await measure(settings, serving, { api: "api with the model in its process" });
  return 0;
});

/** Starts servers, sends the requests and prints the table. @param names of the servers in the table */
async function measure(settings: Settings, serving: Serving, names: { readonly [service in Service]?: string }): Promise<void> {
  const servers = createServers(serving.signal);
  try {
    const address = await startOurs(servers, serving, "inference" in names);
    const pids = Object.keys(names).map((name) => servers.child(name).process.pid!);
    process.stdout.write(formatTenths(Object.values(names), await sendAll(settings, address, pids, serving.signal)));
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
  const rows = tenths.map(({ requests, mebibytes }) => [requests, ...mebibytes.map((size) => size.toFixed(0))]);
  const [first, ...others] = tenths;
  const growth = names.map((_, i) => {
    const largest = Math.max(...others.map(({ mebibytes }) => mebibytes[i]!));
    return `${(100 * (largest / first!.mebibytes[i]! - 1)).toFixed(1)} %`;
  });
  const titles = ["requests", ...names.map((name) => `${name}, MiB`)];
  return `${markdownTable(titles, [...rows, ["growth after the first tenth", ...growth]], [])}\n`;
}
