/**
 * Gives mutated inputs to everything that clients or damaged files reach: a refusal is fine, and so is an answer. A crash, an error that is
 * no refusal, or a case that takes too long is not; then it exits with 1 and says which case it was.
 *
 *     node dist/bench/attack.js [--cases 10000] [--seed 0] [--target csv,zip] [--first 0]
 *
 * The same seed gives the same cases: `--first 123 --cases 1` repeats case 123.
 */
import { kinds, option, type Values } from "../lib/cli/options.js";
import { places } from "../lib/cli/paths.js";
import { showProgress } from "../lib/cli/progress.js";
import { fail } from "../lib/errors/errors.js";
import { markdownTable } from "../lib/report/markdown.js";
import { startChild } from "../lib/system/child.js";
import { compiled } from "../lib/system/package-files.js";
import type { AttackJob, AttackReport } from "./attack-process.js";
import { makeSite, type Site } from "./attack-site.js";
import { targets } from "./attack-targets.js";
import { type Run, runBenchmark } from "./run.js";

const options = {
  cases: option(kinds.positive, 10_000, "Inputs for each target."),
  first: option(kinds.count, 0, "Number of the first case."),
  seed: option(kinds.count, 0, "Seed of the cases."),
  target: option<readonly string[]>(kinds.list, Object.keys(targets), `Which of: ${Object.keys(targets).join(", ")}.`),
  longest: option(kinds.duration, 2, "Longest time for a case, in seconds or with a unit."),
};

type Settings = Values<typeof options>;

/** What came of the cases of a target. */
interface Tally {
  refused: number;
  accepted: number;
  /** Of the refused: those that ended the process, or were ended after the longest time, in which servers try such an input too. */
  contained: number;
  crashes: number;
  hangs: number;
  /** Seconds. */
  slowest: number;
  /** MiB, after the first fifth of the readings of a process. */
  growth: number;
}

/** Seconds for a process to begin. */
const start = 60;

const columns = ["target", "cases", "refused", "accepted", "slowest", "memory growth", "crashes", "hangs", "contained"];

await runBenchmark("attack", options, async (settings, run) => {
  const unknown = settings.target.find((name) => !(name in targets));
  if (unknown) fail("usage", { problem: `there is no target ${unknown}`, help: "node dist/bench/attack.js --help" });
  const site = await makeSite(run.folder, places.releasedModel, run.signal);
  const rows: (readonly (string | number)[])[] = [];
  let failures = 0;
  for (const name of settings.target) {
    const { refused, accepted, contained, crashes, hangs, slowest, growth } = await attack(name, settings, site, run);
    const cases = refused + accepted + crashes + hangs;
    rows.push([name, cases, refused, accepted, `${slowest.toFixed(2)} s`, `${growth.toFixed(1)} MiB`, crashes, hangs, contained]);
    failures += crashes + hangs;
  }
  process.stdout.write(markdownTable(columns, rows));
  return failures === 0 ? 0 : 1;
});

async function attack(target: string, settings: Settings, site: Site, { folder, signal }: Run): Promise<Tally> {
  const { oneOf = 1, contained = false, longest = settings.longest } = targets[target]!;
  const { cases, first, seed } = settings;
  const end = first + Math.ceil(cases / oneOf);
  const tally: Tally = { refused: 0, accepted: 0, contained: 0, crashes: 0, hangs: 0, slowest: 0, growth: 0 };
  const progress = showProgress(target, end - first, "cases");
  const reading = Math.max(1, Math.floor((end - first) / 20));
  for (let next = first; next < end && !signal.aborted; ) {
    const job = { target, site, folder, seed, first: next, end, reading };
    const how = await runJob(job, longest, signal, tally, () => progress.update(++next - first, { refused: String(tally.refused) }));
    if (how === undefined || signal.aborted) break;
    if (contained) {
      tally.refused++;
      tally.contained++;
    } else {
      tally[how.isLate ? "hangs" : "crashes"]++;
      process.stderr.write(`${target}, case ${next} of seed ${seed}: ${how.what}\n`);
    }
    progress.update(++next - first);
  }
  progress.stop();
  return tally;
}

/** @param onCase called after each case @returns undefined if the process has done all of its cases, else how it ended */
async function runJob(job: AttackJob, longest: number, signal: AbortSignal, tally: Tally, onCase: () => void) {
  const child = startChild([process.execPath, "--expose-gc", compiled("bench/attack-process"), JSON.stringify(job)], {
    env: { READABILITY_LOG_LEVEL: "silent" },
  });
  const stop = () => void child.stop(0);
  signal.addEventListener("abort", stop);
  const readings: number[] = [];
  let [isDone, isLate] = [false, false];
  const beLate = () => {
    isLate = true;
    child.process.kill("SIGKILL");
  };
  let timer = setTimeout(beLate, 1000 * start);
  child.process.on("message", (message: AttackReport | "done") => {
    clearTimeout(timer);
    if (message === "done") {
      isDone = true;
      return;
    }
    timer = setTimeout(beLate, 1000 * longest);
    tally[message.outcome]++;
    tally.slowest = Math.max(tally.slowest, message.seconds);
    if (message.resident !== undefined) readings.push(message.resident / 2 ** 20);
    onCase();
  });
  const { how, lines } = await child.exited;
  clearTimeout(timer);
  signal.removeEventListener("abort", stop);
  tally.growth = Math.max(tally.growth, (readings.at(-1) ?? 0) - (readings[Math.floor(readings.length / 5)] ?? 0));
  if (isDone) return undefined;
  return { isLate, what: isLate ? `took more than ${longest} s` : [how, ...lines].join("\n  ") };
}
