import { setTimeout as sleep } from "node:timers/promises";
import { failure, type ReadabilityError } from "../errors/errors.js";
import { type Child, type Exit, startChild } from "./child.js";
import { poll } from "./poll.js";

/** Prints a line of a process, under its name. */
export type Print = (name: string, line: string, stream: "stdout" | "stderr") => void;

export interface SupervisorOptions {
  readonly print: Print;
  /** Ends everything when it aborts. */
  readonly signal: AbortSignal;
  /** Seconds from SIGTERM to SIGKILL. */
  readonly stopTimeout: number;
  /** A crashed server restarts after `pause` seconds, doubled after each crash, at most `limit` times in a row. A server that has run for
   * `calm` seconds starts a new row. */
  readonly restarts: { readonly pause: number; readonly limit: number; readonly calm: number };
}

interface ServerOptions {
  /** Resolves when the server is ready or the signal aborts. A rejection fails the first start, and is ignored after a restart. */
  readonly waitUntilReady: (signal: AbortSignal) => Promise<unknown>;
  /** Called after each start. */
  readonly onReady?: () => void;
  /** Asked again and again once the server is ready. One that is not alive `failures` times in a row is killed, and so restarts. */
  readonly health?: HealthCheck;
}

export interface HealthCheck {
  /** Never rejects. */
  readonly isAlive: () => Promise<boolean>;
  /** Seconds between checks. */
  readonly every: number;
  readonly failures: number;
}

/** Programs as child processes: some run to their end, servers are kept running. */
export interface Supervisor {
  /** Runs a program to its end. @throws service-failed; service-usage; the signal's reason */
  run(name: string, command: readonly string[]): Promise<void>;
  /** Starts a server, resolves when it is ready, and restarts it whenever it ends. @throws as `run` and `waitUntilReady` do */
  keep(name: string, command: readonly string[], options: ServerOptions): Promise<void>;
  /** The process that runs under a name. */
  child(name: string): Child;
  /** Stays pending while the servers run. @throws service-failed when one crashes too often; the signal's reason */
  watch(): Promise<never>;
  /** Ends all processes in reverse order, so that what a process depends on ends after it. */
  stop(stopTimeout?: number): Promise<void>;
}

/** Seconds. */
const longestPause = 30;

export function createSupervisor({ print, signal, stopTimeout, restarts }: SupervisorOptions): Supervisor {
  const running = new Map<string, Child>();
  const failures: Promise<never>[] = [];
  const own = new AbortController();
  const ending = AbortSignal.any([signal, own.signal]);
  const ended = new Promise<never>((_, reject) => ending.addEventListener("abort", () => reject(ending.reason), { once: true }));
  ended.catch(() => {});

  const start = (name: string, command: readonly string[]): Child => {
    ending.throwIfAborted();
    const child = startChild(command, { onLine: (line, stream) => print(name, line, stream) });
    running.set(name, child);
    return child;
  };

  /** Resolves when the server is ready. @throws service-failed when it ends before */
  const untilReady = async (name: string, child: Child, { waitUntilReady, onReady }: ServerOptions): Promise<void> => {
    const waiting = new AbortController();
    const died = child.exited.then((exit) => Promise.reject(describeFailure(name, exit)));
    died.catch(() => {});
    try {
      await Promise.race([waitUntilReady(waiting.signal), died, ended]);
      onReady?.();
    } finally {
      waiting.abort();
    }
  };

  const keepRunning = async (name: string, command: readonly string[], first: Child, options: ServerOptions): Promise<never> => {
    let crashes = 0;
    for (let child = first, began = Date.now(); ; began = Date.now()) {
      const exit = await Promise.race([child.exited, ended]);
      ending.throwIfAborted();
      crashes = Date.now() - began > restarts.calm * 1000 ? 1 : crashes + 1;
      if (crashes > restarts.limit) throw describeFailure(name, exit);
      const pause = Math.min(longestPause, restarts.pause * 2 ** (crashes - 1));
      print(name, `${exit.how}; restarting in ${pause} s`, "stderr");
      await sleep(pause * 1000, undefined, { signal: ending });
      child = start(name, command);
      // A server that never becomes ready is hung; its end counts as a crash above.
      untilReady(name, child, options).then(() => checkHealth(name, child, options), () => child.stop(0)); // biome-ignore format: one line
    }
  };

  /** Kills a server that does not respond, for as long as the process lives. */
  const checkHealth = (name: string, child: Child, { health }: ServerOptions): void => {
    if (health === undefined) return;
    let failures = 0;
    const stopChecks = poll(health.every, async () => {
      failures = (await health.isAlive()) ? 0 : failures + 1;
      if (failures < health.failures || ending.aborted) return;
      print(name, `did not respond ${failures} times in a row; killing it`, "stderr");
      await child.stop(0);
    });
    void Promise.race([child.exited, ended]).then(stopChecks, stopChecks);
  };

  return {
    async run(name, command) {
      const exit = await Promise.race([start(name, command).exited, ended]);
      running.delete(name);
      if (exit.code !== 0) throw describeFailure(name, exit);
    },
    async keep(name, command, options) {
      const child = start(name, command);
      await untilReady(name, child, options);
      checkHealth(name, child, options);
      const failed = keepRunning(name, command, child, options);
      failed.catch(() => {});
      failures.push(failed);
    },
    child: (name) => running.get(name)!,
    watch: () => Promise.race([ended, ...failures]),
    async stop(seconds = stopTimeout) {
      own.abort();
      for (const child of [...running.values()].reverse()) await child.stop(seconds);
    },
  };
}

function describeFailure(service: string, { code, how, lines }: Exit): ReadabilityError {
  if (code === 2) return failure("service-usage", { service, output: lines.join(" ") || "no reason given" });
  const output = lines.length === 0 ? "" : ` Its last lines:\n${lines.map((line) => `  ${line}`).join("\n")}`;
  return failure("service-failed", { service, how, output });
}
