import { existsSync } from "node:fs";
import type { Log } from "../cli/log.js";
import { failure, ReadabilityError, reason } from "../errors/errors.js";
import { stampFile } from "../storage/files.js";
import { type Batch, splitBatch } from "./batch.js";
import { createQueue, type Task } from "./queue.js";
import { type Row, type Runner, type StartRunner, startRunner } from "./runner.js";
import type { ScoreOptions, Scorer } from "./scorer.js";

export interface EngineOptions {
  /** Path of an .onnx file, or its bytes. */
  readonly graph: string | Uint8Array;
  /** Worker threads, each with the model loaded and running one text at a time. */
  readonly sessions: number;
  /** Threads of one session. */
  readonly threads?: number;
  /** Texts that may wait; also the most texts of one request. */
  readonly queueLimit?: number;
  readonly log?: Log;
}

export interface EngineStats {
  readonly sessions: number;
  /** Texts that wait, that are run, that were run. */
  readonly queued: number;
  readonly running: number;
  readonly done: number;
  /** Seconds that runs took, and that requests waited for the run of their first text, in all. */
  readonly computeSeconds: number;
  readonly queueSeconds: number;
}

/** Runs a model in worker threads, one text a run: a text's score is the same, bit for bit, at any load. */
export interface Engine extends Scorer {
  readonly graph: string | Uint8Array;
  /** Names of the graph's inputs. */
  readonly inputs: readonly string[];
  readonly stats: EngineStats;
  /**
   * Scores the rows of a batch, one logit each.
   * @throws batch-too-large; overloaded; queue-timeout; run-failed; session-lost; closed; the signal's reason
   */
  run(inputs: Batch, options?: ScoreOptions): Promise<Float32Array>;
}

/** How often a text is run again whose thread ended: seldom the text's own doing, unless it happens every time. */
const retries = 3;
/** Share of the newest run in the moving average of run times. */
const newest = 1 / 16;
const longestPause = 30_000;

/**
 * Loads the graph into every session.
 * @throws no-file; bad-graph where it does not load
 */
export async function createEngine(
  options: EngineOptions,
  start: StartRunner = (graph, threads) => startRunner(graph, threads),
): Promise<Engine> {
  const { graph, sessions, threads = 1, queueLimit = 1000, log } = options;
  if (typeof graph === "string" && !existsSync(graph))
    throw failure("no-file", {
      file: graph,
      what: "an ONNX graph",
      remedy: "Rebuild the model repository with: readability optimization.",
    });
  const readStamp = () => (typeof graph === "string" ? stampFile(graph) : undefined);
  const stamp = readStamp();
  const queue = createQueue();
  const runners = new Set<Runner>();
  const accepted = new Set<Promise<unknown>>();
  const totals = { running: 0, done: 0, computeSeconds: 0, runSeconds: 0 };
  let idle: Runner[] = [];
  let closing: Promise<void> | undefined;
  let stopped = false;
  let restart: NodeJS.Timeout | undefined;

  const started = await Promise.allSettled(Array.from({ length: sessions }, () => start(graph, threads)));
  const loaded = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const refused = started.find((result) => result.status === "rejected");
  if (refused) {
    await Promise.all(loaded.map((runner) => runner.stop()));
    throw refused.reason;
  }
  loaded.forEach(employ);

  function employ(runner: Runner): void {
    runners.add(runner);
    idle.push(runner);
    void runner.ended.then((cause) => {
      runners.delete(runner);
      idle = idle.filter((other) => other !== runner);
      if (stopped) return;
      log?.error({ cause }, "a worker died and is being replaced");
      void replace(1000);
    });
    dispatch();
  }

  async function replace(pause: number): Promise<void> {
    try {
      // A session of another graph beside the others would give other scores.
      if (readStamp() !== stamp) throw failure("bad-graph", { file: String(graph), cause: "it has changed since it was loaded" });
      const runner = await start(graph, threads);
      if (stopped) await runner.stop();
      else employ(runner);
    } catch (error) {
      if (stopped) return;
      log?.error({ cause: reason(error) }, `a worker could not be replaced; trying again in ${pause / 1000} s`);
      if (runners.size === 0) queue.failAll(error);
      restart = setTimeout(replace, pause, Math.min(2 * pause, longestPause));
    }
  }

  function dispatch(): void {
    while (idle.length > 0 && queue.length > 0) void work(idle.pop()!, queue.take()!);
  }

  async function work(runner: Runner, task: Task): Promise<void> {
    totals.running += 1;
    try {
      const { logit, seconds } = await runner.run(task.row);
      totals.runSeconds = totals.done === 0 ? seconds : totals.runSeconds + newest * (seconds - totals.runSeconds);
      totals.computeSeconds += seconds;
      totals.done += 1;
      task.finish(logit);
      idle.push(runner);
    } catch (error) {
      const lost = error instanceof ReadabilityError && error.code === "session-lost";
      if (!lost) idle.push(runner);
      if (lost && task.losses++ < retries) queue.putBack(task);
      else task.request.fail(error);
    }
    totals.running -= 1;
    dispatch();
  }

  function accept(rows: readonly Row[], options: ScoreOptions): Promise<Float32Array> {
    const ahead = Math.max(0, queue.length + rows.length - idle.length);
    const wait = (ahead * totals.runSeconds) / Math.max(1, runners.size);
    if (closing) return Promise.reject(failure("closed", {}));
    if (rows.length > queueLimit) return Promise.reject(failure("batch-too-large", { texts: rows.length, limit: queueLimit }));
    if (queue.length >= queueLimit || wait * 1000 > (options.timeout ?? Infinity))
      return Promise.reject(failure("overloaded", { waiting: queue.length, retryAfter: Math.max(1, Math.ceil(wait)) }));
    const answer = queue.add(rows, options);
    const forget = () => accepted.delete(answer);
    accepted.add(answer);
    answer.then(forget, forget);
    dispatch();
    return answer;
  }

  async function drain(): Promise<void> {
    await Promise.allSettled(accepted);
    stopped = true;
    clearTimeout(restart);
    await Promise.all([...runners].map((runner) => runner.stop()));
  }

  return {
    graph,
    inputs: loaded[0]!.inputs,
    get stats() {
      const { running, done, computeSeconds } = totals;
      return { sessions: runners.size, queued: queue.length, running, done, computeSeconds, queueSeconds: queue.waited };
    },
    async score(ids, options = {}) {
      const [logit] = await accept([{ ids: BigInt64Array.from(ids, BigInt) }], options);
      return logit!;
    },
    run: (inputs, options = {}) => accept(splitBatch(inputs), options),
    ready: async () => runners.size > 0 && closing === undefined,
    close() {
      closing ??= drain();
      return closing;
    },
  };
}
