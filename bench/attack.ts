import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "undici";
import { createRandom, type Random } from "../lib/math/random.js";

/** A text with the scores that are right: one of each version that may be served. */
export interface Expected {
  readonly text: string;
  readonly scores: readonly number[];
}

export interface Attack {
  readonly address: string;
  readonly clients: number;
  readonly seconds: number;
  readonly texts: readonly Expected[];
  /** Share of the requests whose client goes away before the answer. */
  readonly leaving?: number;
  /** Whether a request sent at that time (of performance.now()) and not answered is one that the server had accepted. Default: all are. */
  readonly accepted?: (sent: number) => boolean;
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
  /** Not accepted, as the server was going or gone. */
  unheard: number;
  /** Whose client went away. */
  left: number;
  /** How often each reason was given for a status other than 200. */
  readonly reasons: Record<string, number>;
}

const pauseAfterRefusal = 100;
const longestAnswer = 60_000;
/** Milliseconds after which a leaving client is gone at the latest. */
const longestStay = 500;

/** Closed loop: every client sends its next request when the last one is answered, until the time is up. */
export async function attack(plan: Attack): Promise<Tally> {
  const { address, seconds, signal } = plan;
  const tally: Tally = { right: [], wrong: 0, refused: 0, failed: 0, lost: 0, unheard: 0, left: 0, reasons: {} };
  const end = performance.now() + 1000 * seconds;
  const act = async (random: Random) => {
    const client = new Client(address, { headersTimeout: longestAnswer, bodyTimeout: longestAnswer });
    while (performance.now() < end && !signal.aborted) if (!(await request(client, random, plan, tally))) await sleep(pauseAfterRefusal);
    await client.close();
  };
  await Promise.all(Array.from({ length: plan.clients }, (_, i) => act(createRandom(i))));
  signal.throwIfAborted();
  return tally;
}

/** @returns whether it was scored */
async function request(client: Client, random: Random, plan: Attack, tally: Tally): Promise<boolean> {
  const { text, scores } = plan.texts[random.int(plan.texts.length)]!;
  const leaving = random.uniform() < (plan.leaving ?? 0) ? AbortSignal.timeout(random.int(longestStay)) : undefined;
  const sent = performance.now();
  try {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ text });
    const answer = await client.request({ method: "POST", path: "/predict", headers, body, signal: leaving ?? null });
    const content = await answer.body.text();
    if (answer.statusCode === 200) return judge(content, text, scores, tally);
    const { code = "no reason" } = JSON.parse(content) as { code?: string };
    const reason = `${answer.statusCode} ${code}`;
    tally.reasons[reason] = (tally.reasons[reason] ?? 0) + 1;
    if (answer.statusCode === 503) tally.refused++;
    else tally.failed++;
  } catch {
    if (leaving?.aborted) tally.left++;
    else if (plan.accepted?.(sent) ?? true) tally.lost++;
    else tally.unheard++;
  }
  return false;
}

function judge(content: string, text: string, scores: readonly number[], tally: Tally): true {
  const [echo, score] = JSON.parse(content) as [string, number];
  const version = scores.indexOf(Math.fround(score)); // it is written as the shortest number that is that float32
  if (echo !== text || version === -1) tally.wrong++;
  else tally.right[version] = (tally.right[version] ?? 0) + 1;
  return true;
}
