import { failure } from "../errors/errors.js";

/**
 * Does `work` with a signal that aborts when the time is up or `outer` aborts; what `work` throws then is replaced by the cause.
 * @throws timed-out; the reason of `outer`
 */
export async function withDeadline<T>(
  milliseconds: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const cancel = () => controller.abort(outer?.reason);
  const timer = setTimeout(() => controller.abort(failure("timed-out", { milliseconds })), milliseconds);
  outer?.addEventListener("abort", cancel);
  if (outer?.aborted) cancel();
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener("abort", cancel);
  }
}
