/** How often a request is sent again after a lost connection. A server that restarts is back by then, or it is down. */
export const reconnections = 4;

/** Milliseconds; each pause doubles the one before. */
const firstPause = 50;
const longestPause = 1000;

const lost = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EAI_AGAIN",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** Whether an error's code means that a connection failed or was lost, and another one may succeed soon. */
export const isLostConnection = (code: string): boolean => lost.has(code);

/**
 * Milliseconds before the next attempt, at least what the server asked for. They are random, so that many clients do not come back at once.
 * @param attempt from 0
 * @param retryAfter seconds
 */
export function choosePause(attempt: number, retryAfter: number): number {
  return Math.max(1000 * retryAfter, Math.min(longestPause, firstPause * 2 ** attempt) * (0.5 + Math.random()));
}
