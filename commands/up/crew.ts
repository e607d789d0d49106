import { setTimeout as sleep } from "node:timers/promises";
import { failure, type ReadabilityError } from "../../lib/errors/errors.js";
import { waitForAnswer } from "../../lib/http/wait.js";
import { type Child, type Exit, startChild } from "./child.js";
import type { Print } from "./print.js";

/** The program and the arguments that start a service. */
export type Launch = (service: string, args: readonly string[]) => readonly string[];

export interface CrewOptions {
  readonly launch: Launch;
  readonly print: Print;
  /** Aborts when all is to end. */
  readonly signal: AbortSignal;
  /** Seconds for a server to become ready, and for a service to end when asked to. */
  readonly startTimeout: number;
  readonly stopTimeout: number;
  /** A server that crashes is started again after `pause` seconds, doubled each time, at most `limit` times until it lives `calm` seconds. */
  readonly restarts: { readonly pause: number; readonly limit: number; readonly calm: number };
}

/** The services as child processes: builders run to their end, servers are kept running. */
export interface Crew {
  /** Runs a service to its end. @throws service-failed; service-usage; the signal's reason */
  run(service: string, args: readonly string[]): Promise<void>;
  /** Starts a server, resolves when `ready` answers, and starts it again whenever it crashes. @throws as `run`, and no-answer */
  keep(service: string, args: readonly string[], ready: string): Promise<void>;
  /** Pends while the servers run. @throws service-failed when one crashes too often; the signal's reason */
  watch(): Promise<never>;
  /** Ends all of them, the last started first, so that each finds what it needs until it is gone. */
  stop(stopTimeout?: number): Promise<void>;
}

const longestPause = 30;

export function createCrew({ launch, print, signal, startTimeout, stopTimeout, restarts }: CrewOptions): Crew {
  const running = new Map<string, Child>();
  const supervisions: Promise<never>[] = [];
  const own = new AbortController();
  const ending = AbortSignal.any([signal, own.signal]);
  const ended = new Promise<never>((_, reject) => ending.addEventListener("abort", () => reject(ending.reason), { once: true }));
  ended.catch(() => {});

  const start = (service: string, args: readonly string[]): Child => {
    ending.throwIfAborted();
    const child = startChild(service, launch(service, args), print);
    running.set(service, child);
    return child;
  };

  const supervise = async (service: string, args: readonly string[], first: Child): Promise<never> => {
    let crashes = 0;
    for (let child = first, began = Date.now(); ; child = start(service, args), began = Date.now()) {
      const exit = await Promise.race([child.exited, ended]);
      ending.throwIfAborted();
      crashes = Date.now() - began > restarts.calm * 1000 ? 1 : crashes + 1;
      if (crashes > restarts.limit) throw describeFailure(service, exit);
      const pause = Math.min(longestPause, restarts.pause * 2 ** (crashes - 1));
      print(service, `${exit.how}; restarting in ${pause} s`, "stderr");
      await sleep(pause * 1000, undefined, { signal: ending });
    }
  };

  return {
    async run(service, args) {
      const exit = await Promise.race([start(service, args).exited, ended]);
      running.delete(service);
      if (exit.code !== 0) throw describeFailure(service, exit);
    },
    async keep(service, args, ready) {
      const child = start(service, args);
      const waiting = new AbortController();
      const died = child.exited.then((exit) => Promise.reject(describeFailure(service, exit)));
      died.catch(() => {});
      try {
        const remedy = "See its output above; a slow machine may need a longer --start-timeout.";
        await Promise.race([waitForAnswer(ready, startTimeout, remedy, waiting.signal), died, ended]);
      } finally {
        waiting.abort();
      }
      const supervision = supervise(service, args, child);
      supervision.catch(() => {});
      supervisions.push(supervision);
    },
    watch: () => Promise.race([ended, ...supervisions]),
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
