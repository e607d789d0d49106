import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { reason } from "../errors/errors.js";

export interface ChildOptions {
  readonly cwd?: string | undefined;
  /** Variables in addition to this process's. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Standard input; empty by default. */
  readonly input?: string | Buffer | undefined;
  readonly onLine?: (line: string, stream: "stdout" | "stderr") => void;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  /** For people: "ended with exit code 1", "was killed by SIGSEGV". */
  readonly how: string;
  /** The last lines it wrote. */
  readonly lines: readonly string[];
}

export interface Child {
  readonly process: ChildProcess;
  /** Never rejects: a program that cannot be started is an exit too. */
  readonly exited: Promise<Exit>;
  /** Sends SIGTERM, then SIGKILL to the whole process group after `seconds`. Resolves when the process is gone. */
  stop(seconds: number): Promise<void>;
}

const keptLines = 10;
const posix = process.platform !== "win32";

/**
 * Starts a process. It leads its own process group, so that Ctrl-C reaches it only through us. It has an IPC channel to us, which closes
 * however we end; `endWithParent` then ends the child.
 */
export function startChild([program, ...args]: readonly string[], { cwd, env, input, onLine }: ChildOptions = {}): Child {
  const child = spawn(program!, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe", "ipc"],
    detached: posix,
  });
  child.stdin?.on("error", () => {}); // it may end before it has read everything
  child.stdin?.end(input);
  const lines: string[] = [];
  for (const stream of ["stdout", "stderr"] as const)
    createInterface({ input: child[stream]! }).on("line", (line) => {
      lines.push(line);
      if (lines.length > keptLines) lines.shift();
      onLine?.(line, stream);
    });

  const closed = new Promise((resolve) => child.once("close", resolve));
  const exited = new Promise<Exit>((resolve) => {
    child.once("error", (error) => resolve({ code: null, how: `could not be started: ${reason(error)}`, lines }));
    child.once("exit", async (code, signal) => {
      await Promise.race([closed, sleep(500, undefined, { ref: false })]); // wait for its last lines; a grandchild may keep the pipes open
      resolve({ code, how: signal ? `was killed by ${signal}` : `ended with exit code ${code}`, lines });
    });
  });

  return {
    process: child,
    exited,
    async stop(seconds) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      if (posix) child.kill("SIGTERM");
      else child.disconnect(); // on Windows SIGTERM would kill it
      const timer = setTimeout(() => killGroup(child), seconds * 1000);
      await exited;
      clearTimeout(timer);
    },
  };
}

function killGroup(child: ChildProcess): void {
  try {
    if (posix) process.kill(-child.pid!, "SIGKILL");
    else child.kill("SIGKILL");
  } catch {
    // it has just ended by itself
  }
}

/**
 * Ends this process, as SIGTERM would, when the parent that started it with an IPC channel ends. Call it before anything else. It also
 * notices a parent that has already ended.
 */
export function endWithParent(): void {
  const end = () => process.emit("SIGTERM", "SIGTERM") || process.exit(143);
  if (process.connected === false) end();
  process.once("disconnect", end);
  process.channel?.unref();
}
