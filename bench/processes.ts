import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fail } from "../lib/errors/errors.js";
import { waitForAnswer } from "../lib/http/wait.js";
import { compiled } from "../lib/system/package-files.js";

/** A server in a process of its own. */
export interface Server {
  readonly child: ChildProcess;
  /** Resolves when it is gone, however it went. */
  readonly ended: Promise<unknown>;
  /** Asks it to end, kills it where it does not within a minute, and resolves when it is gone. */
  stop(): Promise<void>;
}

export interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  /** Answers once the server is ready. */
  readonly ready: string;
  /** Seconds that it may take. */
  readonly patience: number;
  readonly signal: AbortSignal;
}

const keptCharacters = 4000;

/** `readability SERVICE ...` as a process of its own. */
export const launchService = (service: string, args: readonly string[]) => ({
  program: process.execPath,
  args: [compiled("cli"), service, ...args],
});

/** Starts a server and waits until it is ready. @throws where it ends before, with the last it wrote; no-answer */
export async function startServer({ program, args, ready, patience, signal }: Launch): Promise<Server> {
  // Our services end when the channel does: none is left behind, however this process goes.
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe", "ipc"] });
  let written = "";
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding("utf8").on("data", (text: string) => {
      written = (written + text).slice(-keptCharacters);
    });
  const ended = new Promise((resolve) => {
    child.once("error", resolve);
    child.once("exit", resolve);
  });
  const gone = new AbortController();
  void ended.then(() => gone.abort());
  try {
    if (await waitForAnswer(ready, patience, "What it needs may be missing.", AbortSignal.any([signal, gone.signal])))
      return { child, ended, stop: () => stop(child, ended) };
    signal.throwIfAborted();
    return fail("program-failed", { command: [program, ...args].join(" "), cause: `It exited before it was ready:\n${written}` });
  } catch (error) {
    await stop(child, ended);
    throw error;
  }
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  await ended;
  clearTimeout(timer);
}

/** Runs a program to its end. @returns what it wrote to standard output @throws where it fails */
export async function runProgram({ program, args }: Pick<Launch, "program" | "args">, signal?: AbortSignal): Promise<string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit", "ipc"], ...(signal ? { signal } : {}) });
  let written = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    written += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0)
    fail("program-failed", {
      command: [program, ...args].join(" "),
      cause: `It exited with ${code === null ? "a signal" : `code ${code}`}.`,
    });
  return written;
}
