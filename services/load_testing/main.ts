import { createLog } from "../../lib/cli/log.js";
import { parseOptions, type Values } from "../../lib/cli/options.js";
import { findData, places } from "../../lib/cli/paths.js";
import { abortOnSignals } from "../../lib/cli/signals.js";
import { readPassages } from "../../lib/data/dataset.js";
import { waitForAnswer } from "../../lib/http/wait.js";
import { checkPlace, writeFileAtomic } from "../../lib/storage/files.js";
import { describeMachine } from "../../lib/system/machine.js";
import { type LoadResult, type LoadSecond, runLoad } from "./load.js";
import { formatErrors, formatPercentiles, formatRequests } from "./locust-tables.js";
import { options } from "./options.js";

const secondsBetweenLines = 5;

/** Load-tests the api and prints Locust's tables. Exits with 1 if a request failed or none was answered. */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = parseOptions("load_testing", options, argv);
  if (settings.out !== undefined) checkPlace(settings.out, "a file");
  const log = createLog("load_testing");
  const signal = abortOnSignals();
  const data = settings.data ?? findData() ?? places.sample;
  const texts = readPassages(data, { targets: false, column: settings.column, file: settings.file }).passages.map(({ excerpt }) => excerpt);

  const alive = new URL("alive", `${settings.target.replace(/\/$/, "")}/`).href;
  const remedy = "Start it with readability api, or choose another address with --target.";
  if (!(await waitForAnswer(alive, settings.wait, remedy, signal))) return 1;
  log.info(
    `users: ${settings.users}, started per second: ${settings.spawnRate}, run time: ${settings.runTime} s, passages: ${texts.length} from ${data}`,
  );
  const began = new Date();
  const result = await runLoad({
    ...settings,
    seconds: settings.runTime,
    texts,
    signal,
    onSecond: (second) => {
      if (second.second % secondsBetweenLines === 0) log.info(describeSecond(second));
    },
  });

  const rows = [{ method: "POST", name: "/predict", result }];
  process.stdout.write([formatRequests(rows, result), formatPercentiles(rows, result), formatErrors(rows)].filter(Boolean).join("\n"));
  if (settings.out !== undefined) {
    writeFileAtomic(settings.out, `${JSON.stringify(describeRun(settings, data, began, result), null, 2)}\n`);
    log.info(`wrote the report ${settings.out}`);
  }
  if (result.requests === 0) log.error("no request was answered");
  return result.requests > 0 && result.failures === 0 ? 0 : 1;
}

function describeSecond({ second, users, requests, failures, median, p95 }: LoadSecond): string {
  return `${second} s: ${users} users, ${requests} requests/s, ${failures} failures/s, median ${median.toFixed(0)} ms, 95% ${p95.toFixed(0)} ms`;
}

function describeRun(
  { arguments: _, ...settings }: Values<typeof options> & { arguments: unknown },
  data: string,
  began: Date,
  result: LoadResult,
) {
  return { options: { ...settings, data }, began: began.toISOString(), machine: describeMachine(), ...result };
}
