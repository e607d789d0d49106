import { type ChildProcess, spawn } from "node:child_process";
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

interface CommandOptions {
  readonly folder?: string;
  readonly input?: string | Buffer;
  /** Variables beside those of this process. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** Starts `readability ...` as a child process on compiled code, in `folder`. */
export function startCommand(argv: readonly string[], { folder, input, env }: CommandOptions = {}): Running {
  const child = spawn(process.execPath, [compiled("cli"), ...argv], { cwd: folder, stdio: "pipe", env: { ...process.env, ...env } });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.on("error", () => {}); // it may end before it has read everything
  child.stdin.end(input);
  const finished = new Promise<Finished>((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })));
  return { child, log: () => stderr, finished };
}

export const runCommand = (argv: readonly string[], options?: CommandOptions): Promise<Finished> => startCommand(argv, options).finished;

/** The address that a service logs when it is ready. @throws where it ends before */
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
