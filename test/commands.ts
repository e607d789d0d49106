import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { type ChildOptions, startChild } from "../lib/system/child.js";
import { compiled } from "../lib/system/package-files.js";

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** All of standard error so far. */
  log(): string;
  readonly finished: Promise<Finished>;
}

interface CommandOptions extends Pick<ChildOptions, "input" | "env"> {
  readonly folder?: string;
}

/** Starts `readability ...` as a child process on compiled code, in `folder`. It ends when the test's process does. */
export function startCommand(argv: readonly string[], { folder, ...options }: CommandOptions = {}): Running {
  const { process: child } = startChild([process.execPath, compiled("cli"), ...argv], { cwd: folder, ...options });
  const written = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream]!.setEncoding("utf8").on("data", (text: string) => {
      written[stream] += text;
    });
  const finished = once(child, "close").then(([code]) => ({ code: code as number | null, ...written }));
  return { child, log: () => written.stderr, finished };
}

export const runCommand = (argv: readonly string[], options?: CommandOptions): Promise<Finished> => startCommand(argv, options).finished;

/** The address that a service logs when it is ready. @throws if it ends before */
export async function waitForAddress({ log, finished }: Running): Promise<string> {
  let ended = false;
  void finished.then(() => {
    ended = true;
  });
  for (;;) {
    const address = /ready: .*?(http:\/\/localhost:\d+)/.exec(log())?.[1];
    if (address) return address;
    if (ended) throw new Error(`it ended: ${log()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
