import { choosePause } from "../protocol/retry.js";
import { ApiError, clientFailure } from "./api-error.js";

export interface RequestOptions {
  /** Cancels the call, which then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for the whole call, retries and pauses included. Default: that of the client. */
  readonly timeout?: number | undefined;
}

/** How a call is made again after a transient error. */
export interface Patience extends RequestOptions {
  readonly url: string;
  readonly timeout: number;
  /** The largest number of further attempts. */
  readonly retries: number;
}

/**
 * Does work, and again after a transient error, with pauses that grow and are at least what the api asked for.
 * @throws api-timeout; the reason of `signal`; what the work threw last
 */
export async function retry<T>({ url, timeout, retries, signal }: Patience, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const cancel = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", cancel);
  const timer = setTimeout(() => controller.abort(clientFailure("api-timeout", { url, milliseconds: timeout })), timeout);
  const deadline = performance.now() + timeout;
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work(controller.signal);
      } catch (error) {
        controller.signal.throwIfAborted();
        if (!(error instanceof ApiError && error.isTransient) || attempt >= retries) throw error;
        const pause = choosePause(attempt, error.retryAfter ?? 0);
        if (performance.now() + pause > deadline) throw error;
        await sleep(pause, controller.signal);
      }
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
  }
}

/** @throws the signal's reason */
function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop);
  });
}

export const toPost = (headers: Readonly<Record<string, string>>, type: string, body: string) => ({
  method: "POST",
  headers: { ...headers, "content-type": type },
  body,
});

/** A response with status 2xx. @throws api-unreachable; the problem that the api answered; bad-api-answer */
export async function send(fetch: typeof globalThis.fetch, url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    throw unreachable(url, error);
  }
  if (response.ok) return response;
  throw await readProblem(url, response);
}

/** fetch says "fetch failed", and why in its cause. */
export function unreachable(url: string, error: unknown): ApiError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return clientFailure("api-unreachable", { url, cause: (cause instanceof Error && cause.message) || String(cause) }, { cause: error });
}

/** problem+json, as RFC 9457 describes it, with the fields that the api adds. */
async function readProblem(url: string, response: Response): Promise<ApiError> {
  const { status, headers } = response;
  const answer = { requestId: headers.get("x-request-id") ?? undefined, retryAfter: readRetryAfter(headers.get("retry-after")) };
  const problem = (await response.json().catch(() => undefined)) as { code?: unknown; detail?: unknown } | undefined;
  if (typeof problem?.code === "string") return new ApiError(problem.code, status, String(problem.detail), answer);
  return clientFailure("bad-api-answer", { url, problem: `status ${status} without a code` }, { status, ...answer });
}

/** Seconds from a header that has seconds or a date. */
function readRetryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
