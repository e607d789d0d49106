import { CommanderError } from "commander";
import { ReadabilityError, reason } from "../errors/errors.js";

/** A service, command or bench script: takes what follows its name, answers the exit code; nothing is 0. */
export type Main = (argv: readonly string[]) => Promise<number | undefined>;

/**
 * Runs a command as this process: what it fails with is told on standard error. --help ends with 0, wrong usage with 2, all that goes
 * wrong else, and a signal that a command leaves to us, with 1.
 */
export async function runMain(main: Main, argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  process.exitCode = await main(argv).then((code) => code ?? 0, explain);
}

/** @returns the exit code */
function explain(error: unknown): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  if (error instanceof ReadabilityError) {
    process.stderr.write(`error: ${error.message}\n`);
    return error.exit;
  }
  const stopped = error instanceof Error && error.name === "AbortError";
  const bug = () => `error (this is a bug, please report it): ${error instanceof Error ? error.stack : reason(error)}`;
  process.stderr.write(`${stopped ? "stopped" : bug()}\n`);
  return 1;
}
