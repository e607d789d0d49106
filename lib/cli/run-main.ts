import { CommanderError } from "commander";
import { ReadabilityError, reason } from "../errors/errors.js";
import { explainFileError } from "../errors/file-errors.js";

/** A command: takes the arguments after its name and returns the exit code; undefined is 0. */
export type Main = (argv: readonly string[]) => Promise<number | undefined>;

/**
 * Runs a command as this process and prints its error on standard error.
 * Exit code: 0 after --help, 2 for wrong usage, 1 for other errors and for a signal that the command does not handle.
 */
export async function runMain(main: Main, argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  process.exitCode = await main(argv).then((code) => code ?? 0, explain);
}

/** @returns the exit code */
function explain(thrown: unknown): number {
  const error = explainFileError(thrown);
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  process.stderr.write(`${describe(error)}\n`);
  return error instanceof ReadabilityError ? error.exit : 1;
}

function describe(error: unknown): string {
  if (error instanceof ReadabilityError) return `error: ${error.message}`;
  if (error instanceof Error && error.name === "AbortError") return "stopped";
  return `unexpected error (a bug, please report it): ${error instanceof Error ? error.stack : reason(error)}`;
}
