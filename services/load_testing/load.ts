import { once } from "node:events";
import { STATUS_CODES } from "node:http";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { build, type Histogram } from "hdr-histogram-js";
import { Client } from "undici";
import { reason } from "../../lib/errors/errors.js";
import { createRandom, type Random } from "../../lib/math/random.js";

/** Closed-loop load: each user sends its next request when the last one is answered, without a pause. */
export interface LoadPlan {
  /** Address of the api, such as `http://localhost:5000`. */
  readonly target: string;
  readonly users: number;
  /** Users started a second. */
  readonly spawnRate: number;
  /** Length of the run from the start of its first user; what is then unanswered is not counted. */
  readonly seconds: number;
  /** Each request carries one of them, drawn at random. */
  readonly texts: readonly string[];
  readonly seed: number;
  /** Seconds after which an unanswered request is a failure. */
  readonly timeout: number;
  /** Ends the run early. */
  readonly signal?: AbortSignal | undefined;
  readonly onSecond?: (second: LoadSecond) => void;
}

/** What happened in one second of a run; times in milliseconds. */
export interface LoadSecond {
  /** From 1. */
  readonly second: number;
  readonly users: number;
  readonly requests: number;
  readonly failures: number;
  readonly median: number;
  readonly p95: number;
}

/** What a run measured; times in milliseconds, those of failed requests included. */
export interface LoadResult {
  readonly seconds: number;
  readonly requests: number;
  readonly failures: number;
  readonly requests_per_second: number;
  readonly failures_per_second: number;
  readonly average: number;
  readonly min: number;
  readonly max: number;
  readonly median: number;
  /** By percent: `percentiles["99.9"]`. */
  readonly percentiles: Readonly<Record<string, number>>;
  /** Occurrences by message. */
  readonly errors: Readonly<Record<string, number>>;
  readonly series: readonly LoadSecond[];
}

export const reportedPercentiles = [50, 66, 75, 80, 90, 95, 98, 99, 99.9, 99.99, 100] as const;

/** A user whose connection failed waits this long, or a dead target would cost the generator all its time. */
const pauseAfterBrokenConnection = 100;
/** What is unanswered at the end is let come in for so long, so that the target need not note broken connections. */
const longestFarewell = 5_000;
const longestTime = 3.6e9; // microseconds: an hour

/** Runs the load and resolves when it is over; a failed request is counted, never thrown. */
export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const { origin, pathname } = new URL(plan.target);
  const path = `${pathname.replace(/\/$/, "")}/predict`;
  const requests = plan.texts.map((text) => ({ text, body: JSON.stringify({ text }) }));
  const timeouts = { headersTimeout: plan.timeout * 1000, bodyTimeout: plan.timeout * 1000, connect: { timeout: plan.timeout * 1000 } };
  const clients: Client[] = [];
  const tally = createTally(() => clients.length, plan.onSecond);

  const end = new AbortController();
  const stop = () => end.abort();
  const timer = setTimeout(stop, plan.seconds * 1000);
  plan.signal?.addEventListener("abort", stop);
  if (plan.signal?.aborted) stop();

  const actUser = async (client: Client, random: Random) => {
    while (!end.signal.aborted) {
      const { text, body } = requests[random.int(requests.length)]!;
      const sent = performance.now();
      const problem = await post(client, path, body, text);
      if (end.signal.aborted) return;
      tally.add(performance.now() - sent, problem?.message);
      if (problem?.broken) await sleep(pauseAfterBrokenConnection);
    }
  };
  const users: Promise<void>[] = [];
  const began = performance.now();
  while (clients.length < plan.users && !end.signal.aborted) {
    const client = new Client(origin, timeouts); // one connection a user, kept alive
    clients.push(client);
    users.push(actUser(client, createRandom(plan.seed, clients.length)));
    await sleep(began + (clients.length / plan.spawnRate) * 1000 - performance.now(), undefined, { signal: end.signal }).catch(() => {});
  }
  if (!end.signal.aborted) await once(end.signal, "abort");
  const seconds = (performance.now() - began) / 1000;
  clearTimeout(timer);
  plan.signal?.removeEventListener("abort", stop);
  await Promise.race([Promise.all(users), sleep(longestFarewell, undefined, { ref: false })]);
  await Promise.all(clients.map((client) => client.destroy()));
  return tally.finish(seconds);
}

interface Problem {
  readonly message: string;
  /** No answer came at all. */
  readonly broken: boolean;
}

/** Posts one text; undefined where the answer is 200 with `[text, finite number]`. */
async function post(client: Client, path: string, body: string, text: string): Promise<Problem | undefined> {
  const wrong = (message: string) => ({ message, broken: false });
  try {
    const answer = await client.request({ method: "POST", path, body, headers: { "content-type": "application/json" } });
    const content = await answer.body.text();
    if (answer.statusCode !== 200) return wrong(`answered ${answer.statusCode} ${STATUS_CODES[answer.statusCode] ?? ""}`.trim());
    const parsed = parseJson(content);
    if (!Array.isArray(parsed) || parsed.length !== 2 || !Number.isFinite(parsed[1])) return wrong("answer is not [text, number]");
    return parsed[0] === text ? undefined : wrong("answer holds another text");
  } catch (error) {
    return { message: `no answer: ${describe(error)}`, broken: true };
  }
}

/** Messages without ports and times, so that the same failure counts as the same. */
function describe(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" ? code : reason(error);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const createHistogram = (): Histogram =>
  build({ bitBucketSize: 32, lowestDiscernibleValue: 1, highestTrackableValue: longestTime, numberOfSignificantValueDigits: 3 });

/** Counts answers, second by second and in all. */
function createTally(users: () => number, onSecond: LoadPlan["onSecond"]) {
  const all = createHistogram();
  const current = createHistogram();
  const errors: Record<string, number> = {};
  const series: LoadSecond[] = [];
  let failures = 0;
  let currentFailures = 0;
  const milliseconds = (histogram: Histogram, percent: number) => histogram.getValueAtPercentile(percent) / 1000;

  const closeSecond = () => {
    const requests = current.totalCount;
    const [median, p95] = [milliseconds(current, 50), milliseconds(current, 95)];
    series.push({ second: series.length + 1, users: users(), requests, failures: currentFailures, median, p95 });
    current.reset();
    currentFailures = 0;
    onSecond?.(series.at(-1)!);
  };
  const clock = setInterval(closeSecond, 1000);

  return {
    add(time: number, problem: string | undefined) {
      const microseconds = Math.min(longestTime, Math.max(1, Math.round(time * 1000)));
      all.recordValue(microseconds);
      current.recordValue(microseconds);
      if (problem === undefined) return;
      failures++;
      currentFailures++;
      errors[problem] = (errors[problem] ?? 0) + 1;
    },
    finish(seconds: number): LoadResult {
      clearInterval(clock);
      if (current.totalCount > 0) closeSecond();
      const requests = all.totalCount;
      return {
        seconds,
        requests,
        failures,
        requests_per_second: requests / seconds,
        failures_per_second: failures / seconds,
        average: all.mean / 1000,
        min: requests === 0 ? 0 : milliseconds(all, 0),
        max: all.maxValue / 1000,
        median: milliseconds(all, 50),
        percentiles: Object.fromEntries(reportedPercentiles.map((percent) => [String(percent), milliseconds(all, percent)])),
        errors,
        series,
      };
    },
  };
}
