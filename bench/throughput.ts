import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "../lib/math/random.js";
import { createTimes } from "../services/load_testing/histogram.js";

/** Has one text scored. */
export type Send = (text: string) => Promise<number>;

export interface Load {
  readonly texts: readonly string[];
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/**
 * Closed loop: each client sends its next text when the last one is scored. Requests in flight at the end finish and count, with the
 * time they take: cutting them off would cost slow systems more.
 * @returns texts a second
 */
export async function measureThroughput(send: Send, clients: number, { texts, seconds, signal }: Load): Promise<number> {
  const began = performance.now();
  const elapsed = () => (performance.now() - began) / 1000;
  let [sent, done, last] = [0, 0, 0];
  const runClient = async () => {
    while (elapsed() < seconds) {
      signal.throwIfAborted();
      await send(texts[sent++ % texts.length]!);
      done++;
      last = elapsed();
    }
  };
  await Promise.all(Array.from({ length: clients }, runClient));
  return done / last;
}

/** Seconds from the start at which texts arrive: a Poisson process of `rate` a second. */
function scheduleArrivals(rate: number, seconds: number, seed: number): readonly number[] {
  const random = createRandom(seed);
  const arrivals: number[] = [];
  for (let at = 0; ; ) {
    at -= Math.log(1 - random.uniform()) / rate;
    if (at >= seconds) return arrivals;
    arrivals.push(at);
  }
}

interface Latencies {
  readonly arrivals: number;
  /** Milliseconds from arrival to score. */
  readonly p50: number;
  readonly p99: number;
}

/** Open loop: texts are sent as they arrive, whether or not earlier ones are scored. */
export async function measureLatencies(send: Send, rate: number, seed: number, { texts, seconds, signal }: Load): Promise<Latencies> {
  const began = performance.now();
  const latencies = createTimes();
  const answers: Promise<void>[] = [];
  for (const [i, arrival] of scheduleArrivals(rate, seconds, seed).entries()) {
    const due = began + 1000 * arrival;
    if (due > performance.now()) await sleep(due - performance.now());
    signal.throwIfAborted();
    answers.push(send(texts[i % texts.length]!).then(() => latencies.record(performance.now() - due)));
    answers.at(-1)!.catch(() => {}); // it is seen below
  }
  await Promise.all(answers);
  return { arrivals: answers.length, p50: latencies.percentile(50), p99: latencies.percentile(99) };
}
