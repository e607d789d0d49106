import { failure } from "../errors/errors.js";

/** Node's timers fire at once beyond this many milliseconds. */
const longestTimer = 2 ** 31 - 1;

/** Calls back after this many milliseconds, never earlier; never at all if that is too long for a timer. */
export function startTimer(milliseconds: number, callback: () => void): NodeJS.Timeout | undefined {
  // A timer may fire a fraction of a millisecond early.
  return milliseconds < longestTimer ? setTimeout(callback, Math.ceil(milliseconds) + 1) : undefined;
}

/**
 * Runs `work` with a signal that aborts at the timeout or when `outer` aborts. It then rejects at once, without waiting for the work.
 * @throws timed-out; the reason of `outer`; what the work throws
 */
export async function withDeadline<T>(
  milliseconds: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer?.throwIfAborted();
  const controller = new AbortController();
  const { signal } = controller;
  const cancel = () => controller.abort(outer?.reason);
  const timer = startTimer(milliseconds, () => controller.abort(failure("timed-out", { milliseconds: Math.round(milliseconds) })));
  outer?.addEventListener("abort", cancel);
  try {
    return await new Promise<T>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      work(signal).then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener("abort", cancel);
  }
}
