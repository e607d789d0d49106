import { type ErrorCode, failure, ReadabilityError } from "../errors/errors.js";
import type { ModelVersion } from "../repository/repository.js";
import { startChild } from "../system/child.js";
import { compiled } from "../system/package-files.js";

/** A message from the process of a check. */
export type CheckAnswer = { readonly isGood: true } | { readonly isGood: false; readonly code?: ErrorCode; readonly message: string };

interface CheckOptions {
  /** Ends the check. */
  readonly signal?: AbortSignal | undefined;
  /** Longest time for the check, in seconds. */
  readonly timeout?: number;
}

/**
 * Opens a version in a separate process and scores its reference texts, before a server opens it, because a damaged graph can crash the
 * process that loads it.
 * @throws version-crashed if the process crashes or does not end in time; closed if the signal aborts; what openVersion throws
 */
export async function checkVersion({ folder }: ModelVersion, { signal, timeout = 60 }: CheckOptions = {}): Promise<void> {
  if (signal?.aborted) throw failure("closed", {});
  const child = startChild([process.execPath, compiled("lib/serving/check-version-process"), folder]);
  let answer: CheckAnswer | undefined;
  child.process.on("message", (message) => {
    answer = message as CheckAnswer;
  });
  let isLate = false;
  const stop = () => void child.stop(1);
  const timer = setTimeout(() => {
    isLate = true;
    stop();
  }, 1000 * timeout);
  signal?.addEventListener("abort", stop);
  const { how } = await child.exited;
  clearTimeout(timer);
  signal?.removeEventListener("abort", stop);
  if (answer?.isGood) return;
  if (answer) throw answer.code ? new ReadabilityError(answer.code, answer.message) : new Error(answer.message);
  if (signal?.aborted) throw failure("closed", {});
  throw failure("version-crashed", { folder, how: isLate ? `did not end within ${timeout} s` : how });
}
