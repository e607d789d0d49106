import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { reason } from "../../lib/errors/errors.js";
import { connectPredict, type PredictAnswer, type PredictClient } from "../../lib/http/predict-client.js";
import { createRandom, type Random } from "../../lib/math/random.js";
import { createTimes } from "./histogram.js";

/** Closed-loop load: each user sends its next request as soon as the last one is answered. */
export interface LoadPlan {
  /** Address of the api, such as `http://localhost:5000`. */
  readonly target: string;
  readonly users: number;
  /** Users started per second. */
  readonly spawnRate: number;
  /** Length of the run from the start of its first user. Requests that are unanswered at its end do not count. */
  readonly seconds: number;
  /** The texts to send; each request draws one at random. */
  readonly texts: readonly string[];
  readonly seed: number;
  /** Seconds after which an unanswered request fails. */
  readonly timeout: number;
  /** Ends the run early. */
  readonly signal?: AbortSignal | undefined;
  /** @param total of all requests so far */
  readonly onSecond?: (second: LoadSecond, total: () => LoadSummary) => void;
}

/** One second of a run; times in milliseconds. */
export interface LoadSecond {
  /** From 1. */
  readonly second: number;
  readonly users: number;
  readonly requests: number;
  readonly failures: number;
  readonly median: number;
  readonly p95: number;
}

/** Requests and their times in milliseconds, failed requests included. */
export interface LoadSummary {
  readonly requests: number;
  readonly failures: number;
  readonly average: number;
  readonly min: number;
  readonly max: number;
  readonly median: number;
  /** By percent: `percentiles["99.9"]`. */
  readonly percentiles: Readonly<Record<string, number>>;
  /** Mean length of an answer in bytes; an answer that did not come has none. */
  readonly average_bytes: number;
}

/** The result of a run. */
export interface LoadResult extends LoadSummary {
  readonly seconds: number;
  readonly requests_per_second: number;
  readonly failures_per_second: number;
  /** Occurrences by message. */
  readonly errors: Readonly<Record<string, number>>;
  /** When each error happened first and last, by message: milliseconds since the epoch. */
  readonly errors_seen: Readonly<Record<string, readonly [first: number, last: number]>>;
  readonly series: readonly LoadSecond[];
}

export const reportedPercentiles = [50, 66, 75, 80, 90, 95, 98, 99, 99.9, 99.99, 100] as const;

/** Milliseconds that a user waits after a failed connection. Without the pause, a dead target would keep the generator busy. */
const pauseAfterBrokenConnection = 100;
/** Milliseconds for requests in progress at the end, so that the target does not see broken connections. */
const drainTimeout = 5_000;

/** Runs the load and resolves when it is over. A failed request is counted, never thrown. */
export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const { target, timeout, texts } = plan;
  const clients: PredictClient[] = [];
  const tally = createTally(() => clients.length, plan.onSecond);

  const end = new AbortController();
  const stop = () => end.abort();
  const timer = setTimeout(stop, plan.seconds * 1000);
  plan.signal?.addEventListener("abort", stop);
  if (plan.signal?.aborted) stop();

  const runUser = async (client: PredictClient, random: Random) => {
    while (!end.signal.aborted) {
      const sent = performance.now();
      const { problem, broken, bytes } = await send(client, texts[random.int(texts.length)]!);
      if (end.signal.aborted) return;
      tally.add(performance.now() - sent, bytes, problem);
      if (broken) await sleep(pauseAfterBrokenConnection);
    }
  };
  const users: Promise<void>[] = [];
  const began = performance.now();
  while (clients.length < plan.users && !end.signal.aborted) {
    const client = connectPredict(target, { timeout, connections: 1 });
    clients.push(client);
    users.push(runUser(client, createRandom(plan.seed, clients.length)));
    const next = Math.min(plan.seconds + 1, clients.length / plan.spawnRate); // a timer cannot be much longer than the longest run
    await sleep(began + 1000 * next - performance.now(), undefined, { signal: end.signal }).catch(() => {});
  }
  if (!end.signal.aborted) await once(end.signal, "abort");
  const seconds = (performance.now() - began) / 1000;
  clearTimeout(timer);
  plan.signal?.removeEventListener("abort", stop);
  await Promise.race([Promise.all(users), sleep(drainTimeout, undefined, { ref: false })]);
  await Promise.all(clients.map((client) => client.destroy()));
  return tally.finish(seconds);
}

/** Sends one text. A problem is named without ports and times, so that equal failures count together. */
async function send(
  client: PredictClient,
  text: string,
): Promise<Pick<PredictAnswer, "problem" | "bytes"> & { readonly broken?: boolean }> {
  try {
    return await client.predict(text);
  } catch (error) {
    const { code } = error as { code?: unknown };
    return { problem: `no answer: ${typeof code === "string" ? code : reason(error)}`, bytes: 0, broken: true };
  }
}

/** Counts answers, second by second and in all. */
function createTally(users: () => number, onSecond: LoadPlan["onSecond"]) {
  const [all, current] = [createTimes(), createTimes()];
  const errors: Record<string, number> = {};
  const seen: Record<string, readonly [number, number]> = {};
  const series: LoadSecond[] = [];
  let [failures, currentFailures, bytes] = [0, 0, 0];

  const total = (): LoadSummary => ({
    requests: all.count,
    failures,
    average: all.mean,
    min: all.min,
    max: all.max,
    median: all.percentile(50),
    percentiles: Object.fromEntries(reportedPercentiles.map((percent) => [String(percent), all.percentile(percent)])),
    average_bytes: bytes / Math.max(1, all.count),
  });
  const closeSecond = () => {
    const [median, p95] = [current.percentile(50), current.percentile(95)];
    series.push({ second: series.length + 1, users: users(), requests: current.count, failures: currentFailures, median, p95 });
    current.reset();
    currentFailures = 0;
    onSecond?.(series.at(-1)!, total);
  };
  const clock = setInterval(closeSecond, 1000);

  return {
    add(time: number, length: number, problem: string | undefined) {
      all.record(time);
      current.record(time);
      bytes += length;
      if (problem === undefined) return;
      failures++;
      currentFailures++;
      errors[problem] = (errors[problem] ?? 0) + 1;
      seen[problem] = [seen[problem]?.[0] ?? Date.now(), Date.now()];
    },
    finish(seconds: number): LoadResult {
      clearInterval(clock);
      if (current.count > 0) closeSecond();
      const rates = { requests_per_second: all.count / seconds, failures_per_second: failures / seconds };
      return { seconds, ...total(), ...rates, errors, errors_seen: seen, series };
    },
  };
}
