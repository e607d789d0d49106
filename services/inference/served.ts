import { ReadabilityError } from "../../lib/errors/errors.js";
import type { Engine } from "../../lib/serving/engine.js";

/** Why a request failed, in Triton's words. */
export const failureReasons = ["REJECTED", "CANCELED", "BACKEND", "OTHER"] as const;
export type FailureReason = (typeof failureReasons)[number];

/** What a model was asked so far. */
export interface Usage {
  success: number;
  readonly failures: Record<FailureReason, number>;
  /** Texts of the successful requests. */
  texts: number;
  /** From arrival to answer, in all, of the successful and of the failed requests. */
  successSeconds: number;
  failureSeconds: number;
  /** Milliseconds since the epoch. */
  lastInference: number;
}

/** A version of a model, loaded. */
export interface Served {
  readonly model: string;
  readonly version: number;
  readonly engine: Engine;
  readonly usage: Usage;
  /** Seconds that requests waited and were computed since it is served: the check at loading does not count. */
  seconds(): { readonly queue: number; readonly compute: number };
}

export function serveEngine(model: string, version: number, engine: Engine): Served {
  const failures = { REJECTED: 0, CANCELED: 0, BACKEND: 0, OTHER: 0 };
  const before = engine.stats;
  return {
    model,
    version,
    engine,
    usage: { success: 0, failures, texts: 0, successSeconds: 0, failureSeconds: 0, lastInference: 0 },
    seconds() {
      const { queueSeconds, computeSeconds } = engine.stats;
      return { queue: queueSeconds - before.queueSeconds, compute: computeSeconds - before.computeSeconds };
    },
  };
}

/** Does an inference and counts how it went. */
export async function countInference({ usage }: Served, infer: () => Promise<Float32Array>): Promise<Float32Array> {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  try {
    const logits = await infer();
    usage.success += 1;
    usage.texts += logits.length;
    usage.successSeconds += seconds();
    usage.lastInference = Date.now();
    return logits;
  } catch (error) {
    usage.failures[classify(error)] += 1;
    usage.failureSeconds += seconds();
    throw error;
  }
}

function classify(error: unknown): FailureReason {
  const code = error instanceof ReadabilityError ? error.code : undefined;
  if (code === "overloaded" || code === "queue-timeout" || code === "closed") return "REJECTED";
  if (code === "cancelled") return "CANCELED";
  if (code === "run-failed" || code === "session-lost" || code === "bad-score") return "BACKEND";
  return "OTHER";
}
