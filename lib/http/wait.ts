import { setTimeout as sleep } from "node:timers/promises";
import { fail, reason } from "../errors/errors.js";

const pause = 200;
const longestAnswer = 5_000;

/**
 * Asks `url` until it answers with a status of success.
 * @returns false where the signal aborted first
 * @throws no-answer where it does not within `seconds`, telling what came last
 */
export async function waitForAnswer(url: string, seconds: number, remedy: string, signal?: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const last = await ask(url, signal);
    if (last === undefined) return true;
    if (signal?.aborted) return false;
    if (Date.now() + pause > deadline) fail("no-answer", { url, seconds, last, remedy });
    await sleep(pause);
  }
}

/** @returns what went wrong, or undefined. */
async function ask(url: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  try {
    const timeout = AbortSignal.timeout(longestAnswer);
    const answer = await fetch(url, { signal: signal ? AbortSignal.any([timeout, signal]) : timeout });
    await answer.arrayBuffer();
    return answer.ok ? undefined : `HTTP ${answer.status}`;
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } }; // fetch itself says only that it failed
    return cause?.code ?? reason(cause ?? error);
  }
}
