import { setTimeout as sleep } from "node:timers/promises";
import { connectPredict, type PredictClient } from "../lib/http/predict-client.js";
import { createRandom, type Random } from "../lib/math/random.js";

/** A text with its score by each version. */
export interface Expected {
  readonly text: string;
  readonly scores: readonly number[];
}

export interface FaultLoad {
  readonly address: string;
  readonly clients: number;
  readonly seconds: number;
  readonly texts: readonly Expected[];
  /** How many versions may be served, from the first. Default: 1. */
  readonly versions?: number;
  /** Share of the requests whose client goes away before the answer. */
  readonly leaving?: number;
  /** Whether the server had accepted an unanswered request, by its time (of performance.now()). */
  readonly accepted: (sent: number) => boolean;
  readonly signal: AbortSignal;
}

/** What became of the requests; each is in one of the counts. */
export interface Tally {
  /** Right scores, by the version that gives them. */
  readonly right: number[];
  wrong: number;
  /** Answered 503. */
  refused: number;
  /** Answered any other status. */
  failed: number;
  /** Accepted and not answered. */
  lost: number;
  /** Not accepted: the server was away. */
  unheard: number;
  /** The client went away. */
  left: number;
  /** How often each reason was given for a status other than 200. */
  readonly reasons: Record<string, number>;
}

/** Milliseconds. */
const pauseAfterRefusal = 100;
/** Milliseconds until a leaving client has left. */
const longestStay = 500;
/** Seconds. */
const timeout = 60;

/** Closed loop: every client sends its next request when the last one is answered, until the time is up. */
export async function runFaultLoad(load: FaultLoad): Promise<Tally> {
  const { address, clients, seconds, signal } = load;
  const tally: Tally = { right: [], wrong: 0, refused: 0, failed: 0, lost: 0, unheard: 0, left: 0, reasons: {} };
  const end = performance.now() + 1000 * seconds;
  const runClient = async (random: Random) => {
    const client = connectPredict(address, { timeout, connections: 1 });
    while (performance.now() < end && !signal.aborted) if (!(await request(client, random, load, tally))) await sleep(pauseAfterRefusal);
    await client.close();
  };
  await Promise.all(Array.from({ length: clients }, (_, i) => runClient(createRandom(i))));
  signal.throwIfAborted();
  return tally;
}

/** @returns whether the answer was 200 */
async function request(client: PredictClient, random: Random, load: FaultLoad, tally: Tally): Promise<boolean> {
  const { text, scores } = load.texts[random.int(load.texts.length)]!;
  const leaving = random.uniform() < (load.leaving ?? 0) ? AbortSignal.timeout(random.int(longestStay)) : undefined;
  const sent = performance.now();
  try {
    const { status, score, code = "no reason" } = await client.predict(text, leaving);
    if (status === 200) {
      const version = scores.slice(0, load.versions ?? 1).indexOf(Math.fround(score ?? Number.NaN)); // it is written as the shortest number that is that float32
      if (version === -1) tally.wrong++;
      else tally.right[version] = (tally.right[version] ?? 0) + 1;
      return true;
    }
    const reason = `${status} ${code}`;
    tally.reasons[reason] = (tally.reasons[reason] ?? 0) + 1;
    if (status === 503) tally.refused++;
    else tally.failed++;
  } catch {
    if (leaving?.aborted) tally.left++;
    else if (load.accepted(sent)) tally.lost++;
    else tally.unheard++;
  }
  return false;
}
