import pRetry from "p-retry";
import { fail, reason } from "../errors/errors.js";
import { type Address, readAddress } from "./address.js";

/** Milliseconds. */
const pause = 200;
const longestAnswer = 5_000;

/**
 * Polls `url` until it answers with a 2xx status.
 * @returns false if the signal aborted first
 * @throws no-answer if it does not within `seconds`, with the last answer
 */
export async function waitForAnswer(url: string, seconds: number, remedy: string, signal?: AbortSignal): Promise<boolean> {
  const { origin, path, headers, shown } = readAddress(url); // fetch takes no credentials in an address
  const pauses = { factor: 1, minTimeout: pause, retries: Number.POSITIVE_INFINITY, maxRetryTime: 1000 * seconds };
  try {
    await pRetry(() => ask(origin + path, headers, signal), { ...pauses, ...(signal ? { signal } : {}) });
    return true;
  } catch (error) {
    return signal?.aborted ? false : fail("no-answer", { url: shown, seconds, last: reason(error), remedy });
  }
}

/** Whether `url` answers with a status of success within `seconds`. */
export async function isAnswering(url: string, seconds: number): Promise<boolean> {
  const { origin, path, headers } = readAddress(url);
  return ask(origin + path, headers, AbortSignal.timeout(1000 * seconds)).then(
    () => true,
    () => false,
  );
}

/** @throws what went wrong */
async function ask(url: string, headers: Address["headers"], signal: AbortSignal | undefined): Promise<void> {
  const timeout = AbortSignal.timeout(longestAnswer);
  const answer = await fetch(url, { headers, signal: signal ? AbortSignal.any([timeout, signal]) : timeout }).catch((error) => {
    const { cause } = error as { cause?: { code?: string } }; // fetch itself says only that it failed
    throw new Error(cause?.code ?? reason(cause ?? error));
  });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
}
