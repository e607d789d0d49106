import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "../lib/math/random.js";

/** Has one text scored, however far away. */
export type Send = (text: string) => Promise<number>;

export interface Pace {
  readonly texts: readonly string[];
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/**
 * Closed loop: each client sends its next text when the last one is scored. What is under way when the time is up is let finish and
 * counted with the time that takes, as a server works as fast then: cut off, the slower ones would lose more.
 * @returns texts a second
 */
export async function measureRate(send: Send, clients: number, { texts, seconds, signal }: Pace): Promise<number> {
  const began = performance.now();
  const elapsed = () => (performance.now() - began) / 1000;
  let [sent, done, last] = [0, 0, 0];
  const act = async () => {
    while (elapsed() < seconds) {
      signal.throwIfAborted();
      await send(texts[sent++ % texts.length]!);
      done++;
      last = elapsed();
    }
  };
  await Promise.all(Array.from({ length: clients }, act));
  return done / last;
}

/** Seconds from the start at which texts arrive: a Poisson process of `rate` a second. */
export function scheduleArrivals(rate: number, seconds: number, seed: number): readonly number[] {
  const random = createRandom(seed);
  const arrivals: number[] = [];
  for (let at = 0; ; ) {
    at -= Math.log(1 - random.uniform()) / rate;
    if (at >= seconds) return arrivals;
    arrivals.push(at);
  }
}

/** Open loop: texts are sent as they arrive, whether or not others are scored. @returns milliseconds from arrival to score of each */
export async function measureLatencies(
  send: Send,
  rate: number,
  seed: number,
  { texts, seconds, signal }: Pace,
): Promise<readonly number[]> {
  const began = performance.now();
  const answers: Promise<number>[] = [];
  for (const [i, arrival] of scheduleArrivals(rate, seconds, seed).entries()) {
    const due = began + 1000 * arrival;
    if (due > performance.now()) await sleep(due - performance.now());
    signal.throwIfAborted();
    answers.push(send(texts[i % texts.length]!).then(() => performance.now() - due));
    answers.at(-1)!.catch(() => {}); // it is seen below
  }
  return Promise.all(answers);
}
