import { CommanderError } from "commander";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fail } from "../errors/errors.js";
import { type Main, runMain } from "./run-main.js";

const before = process.exitCode;
afterEach(() => {
  process.exitCode = before;
});

/** @returns the exit code and what is told on standard error */
async function run(main: Main, ...argv: readonly string[]): Promise<readonly [number, string]> {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    await runMain(main, argv);
    return [Number(process.exitCode), write.mock.calls.map(([text]) => String(text)).join("")];
  } finally {
    write.mockRestore();
  }
}

const failing = (error: unknown): Main => () => Promise.reject(error); // biome-ignore format: one line

describe("a command as a process", () => {
  it("exits with the code that the command returns, or 0", async () => {
    expect(await run(async (argv) => argv.length, "a", "b", "c")).toEqual([3, ""]);
    expect(await run(async () => undefined)).toEqual([0, ""]);
  });

  it("prints the error, and exits with 2 for wrong usage and 1 for other errors", async () => {
    const usage = async () => fail("usage", { problem: "--lr is missing", help: "readability train --help" });
    expect(await run(usage)).toEqual([2, "error: --lr is missing. Try: readability train --help\n"]);
    const missing = async () => fail("no-file", { file: "a.csv", what: "passages", remedy: "Name one." });
    expect(await run(missing)).toEqual([1, "error: a.csv not found: expected passages. Name one.\n"]);
  });

  it("exits quietly after --help, and with one word when stopped", async () => {
    expect(await run(failing(new CommanderError(0, "commander.helpDisplayed", "")))).toEqual([0, ""]);
    expect(await run(failing(new DOMException("This operation was aborted", "AbortError")))).toEqual([1, "stopped\n"]);
  });

  it("reports anything else as a bug, with its stack", async () => {
    const [code, told] = await run(failing(new TypeError("x is not a function")));
    expect(code).toBe(1);
    expect(told).toMatch(/^unexpected error \(a bug, please report it\): TypeError: x is not a function\n {4}at /);
    expect(await run(failing("odd"))).toEqual([1, "unexpected error (a bug, please report it): odd\n"]);
  });
});
