import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { reason } from "../../lib/errors/errors.js";
import type { Print } from "./print.js";

/** How a process ended, for people: "ended with exit code 1", "was killed by SIGSEGV". */
export interface Exit {
  readonly code: number | null;
  readonly how: string;
  /** The last lines it wrote. */
  readonly lines: readonly string[];
}

export interface Child {
  readonly exited: Promise<Exit>;
  /** Asks it to end, kills it after so many seconds, and resolves when it is gone. */
  stop(seconds: number): Promise<void>;
}

const keptLines = 10;
const posix = process.platform !== "win32";

/**
 * Starts a process whose lines are printed under the name of its service. It leads a process group of its own, so that Ctrl-C
 * reaches it through us alone, and has a channel to us: when that closes, we are gone, however we went.
 */
export function startChild(service: string, [program, ...args]: readonly string[], print: Print): Child {
  const child = spawn(program!, args, { stdio: ["ignore", "pipe", "pipe", "ipc"], detached: posix });
  const lines: string[] = [];
  for (const stream of ["stdout", "stderr"] as const)
    createInterface({ input: child[stream]! }).on("line", (line) => {
      lines.push(line);
      if (lines.length > keptLines) lines.shift();
      print(service, line, stream);
    });

  const closed = new Promise((resolve) => child.once("close", resolve));
  const exited = new Promise<Exit>((resolve) => {
    child.once("error", (error) => resolve({ code: null, how: `could not be started: ${reason(error)}`, lines }));
    child.once("exit", async (code, signal) => {
      await Promise.race([closed, sleep(500, undefined, { ref: false })]); // its last lines; a process of its own may hold the pipes open
      resolve({ code, how: signal ? `was killed by ${signal}` : `ended with exit code ${code}`, lines });
    });
  });

  return {
    exited,
    async stop(seconds) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      if (posix) child.kill("SIGTERM");
      else child.disconnect(); // there SIGTERM would end it on the spot
      const timer = setTimeout(() => kill(child), seconds * 1000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Kills a process and, where there are process groups, its descendants. */
function kill(child: ChildProcess): void {
  try {
    if (posix) process.kill(-child.pid!, "SIGKILL");
    else child.kill("SIGKILL");
  } catch {
    // it went by itself in between
  }
}
