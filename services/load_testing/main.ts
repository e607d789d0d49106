import { createLog } from "../../lib/cli/log.js";
import { parseOptions } from "../../lib/cli/options.js";
import { findData, places } from "../../lib/cli/paths.js";
import { abortOnSignals } from "../../lib/cli/signals.js";
import { readPassages } from "../../lib/data/dataset.js";
import { addRoute, readAddress } from "../../lib/http/address.js";
import { waitForAnswer } from "../../lib/http/wait.js";
import { checkPlace, writeFileAtomic } from "../../lib/storage/files.js";
import { describeMachine, type Machine } from "../../lib/system/machine.js";
import { type LoadPlan, type LoadSecond, runLoad } from "./load.js";
import { formatCsvFiles, type HistoryRow } from "./locust-csv.js";
import { formatErrors, formatPercentiles, formatRequests } from "./locust-tables.js";
import { options } from "./options.js";
import { renderReport } from "./report.js";

const secondsBetweenLines = 5;

/** Load-tests the api and prints Locust's tables. Exits with 1 if a request failed or none was answered. */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = parseOptions("load_testing", options, argv);
  const { csv, html, out, users, spawnRate, runTime, onlySummary, target: usual, host: target = usual } = settings;
  for (const file of [out, html, csv && `${csv}_stats.csv`]) if (file !== undefined) checkPlace(file, "a file");
  const log = createLog("load_testing");
  const signal = abortOnSignals();
  const data = settings.data ?? findData() ?? places.sample;
  const texts = readPassages(data, { targets: false, column: settings.column, file: settings.file }).passages.map(({ excerpt }) => excerpt);

  const remedy = "Start it with readability api, or choose another address with --target.";
  if (!(await waitForAnswer(addRoute(target, "alive"), settings.wait, remedy, signal))) return 1;
  const { shown } = readAddress(target);
  log.info(
    `target: ${shown}, users: ${users}, started per second: ${spawnRate}, run time: ${runTime} s, passages: ${texts.length} from ${data}`,
  );
  const began = new Date();
  const history: HistoryRow[] = [];
  const progress = createProgress((line) => onlySummary || log.info(line));
  const onSecond: LoadPlan["onSecond"] = (second, total) => {
    progress(second);
    if (csv !== undefined) history.push({ timestamp: Math.floor(Date.now() / 1000), second, total: total() });
  };
  const result = await runLoad({ ...settings, target, seconds: runTime, texts, signal, onSecond });

  const rows = [{ method: "POST", name: "/predict", result }];
  process.stdout.write([formatRequests(rows, result), formatPercentiles(rows, result), formatErrors(rows)].filter(Boolean).join("\n"));
  const { arguments: _, host: __, ...given } = settings;
  const run = { options: { ...given, target: shown, data }, began: began.toISOString(), machine: describeMachine() };
  const reports = {
    ...(out && { [out]: `${JSON.stringify({ ...run, ...result }, null, 2)}\n` }),
    ...(html && { [html]: renderReport(result, describeRun(run)) }),
    ...(csv && Object.fromEntries(Object.entries(formatCsvFiles(rows, result, history)).map(([end, text]) => [csv + end, text]))),
  };
  for (const [file, text] of Object.entries(reports)) {
    writeFileAtomic(file, text);
    log.info(`wrote the report ${file}`);
  }
  if (result.requests === 0) log.error("no request was answered");
  return result.requests > 0 && result.failures === 0 ? 0 : 1;
}

/** Tells of every so many seconds, and how long no answer came since the last line. */
export function createProgress(say: (line: string) => void): (second: LoadSecond) => void {
  let [silent, longest] = [0, 0]; // seconds without an answer: up to now, and the most since the last line
  return ({ second, users, requests, failures, median, p95 }) => {
    silent = requests === 0 ? silent + 1 : 0;
    longest = Math.max(longest, silent);
    if (second % secondsBetweenLines !== 0) return;
    const rates = `${requests} requests/s, ${failures} failures/s, median ${median.toFixed(0)} ms, 95% ${p95.toFixed(0)} ms`;
    const stall = longest > 1 ? `; before, no answer for ${longest} s` : "";
    say(`${second} s: users: ${users}, ${silent > 0 ? `no answer for ${silent} s` : rates + stall}`);
    longest = 0;
  };
}

interface Run {
  readonly options: Readonly<Record<string, unknown>>;
  readonly began: string;
  readonly machine: Machine;
}

function describeRun({ options, began, machine }: Run): (readonly [string, string])[] {
  const { cpu, cores, memory_gib, platform } = machine;
  return [
    ...Object.entries(options).filter(([, value]) => value !== undefined).map(([name, value]) => [name, String(value)] as const), // biome-ignore format: one line
    ["began", began],
    ["machine", `${cpu}, cores: ${cores}, ${memory_gib} GiB, ${platform}`],
  ];
}
