import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Options, parseOptions, type Values } from "../lib/cli/options.js";
import { runMain } from "../lib/cli/run-main.js";
import { abortOnSignals } from "../lib/cli/signals.js";
import { describeMachine } from "../lib/system/machine.js";

/** What a benchmark runs with, besides its settings. */
export interface Run {
  /** Removed when the benchmark ends. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** Runs a benchmark as this process and prints the machine before its results. @param measure resolves with the exit code */
export function runBenchmark<O extends Options>(
  name: string,
  options: O,
  measure: (settings: Values<O>, run: Run) => Promise<number | undefined>,
): Promise<void> {
  return runMain(async (argv) => {
    const settings = parseOptions(`bench_${name}`, options, argv);
    const folder = mkdtempSync(join(tmpdir(), `readability-${name}-`));
    try {
      process.stdout.write(`${JSON.stringify(describeMachine())}\n\n`);
      return await measure(settings, { folder, signal: abortOnSignals() });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
