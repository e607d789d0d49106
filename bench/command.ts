import { CommanderError } from "commander";
import { ReadabilityError } from "../lib/errors.js";

/** Runs a bench script as `readability` runs its commands: --help ends with 0, wrong usage with 2, what else goes wrong with 1. */
export async function runBench(main: (argv: readonly string[]) => Promise<void>): Promise<void> {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    process.exitCode = error instanceof ReadabilityError ? error.exit : 1;
    process.stderr.write(`error: ${error instanceof ReadabilityError ? error.message : error instanceof Error ? error.stack : error}\n`);
  }
}
