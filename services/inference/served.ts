import { ReadabilityError } from "../../lib/errors/errors.js";
import type { Bounds } from "../../lib/protocol/request.js";
import type { Metadata } from "../../lib/repository/repository.js";
import type { LocalEngine } from "../../lib/serving/local-engine.js";
import { createScheduler, type Scheduler } from "../../lib/serving/scheduler.js";

/** Why a request failed, in Triton's words. */
export const failureReasons = ["REJECTED", "CANCELED", "BACKEND", "OTHER"] as const;
type FailureReason = (typeof failureReasons)[number];

/** Rows of a table whose size is not known: what ONNX Runtime refuses itself, except for negative ids. */
const mostRows = 2 ** 31;

/** What a model was asked so far. */
interface Usage {
  success: number;
  readonly failures: Record<FailureReason, number>;
  /** Texts of the successful requests. */
  texts: number;
  /** From arrival to answer, summed over the successful and over the failed requests. */
  successSeconds: number;
  failureSeconds: number;
  /** Milliseconds since the epoch. */
  lastInference: number;
}

/** A version of a model that is loaded, with the queue of its workers. */
export interface Served {
  readonly model: string;
  readonly version: number;
  readonly engine: LocalEngine;
  readonly scheduler: Scheduler;
  /** What a request may ask of it. */
  readonly bounds: Bounds;
  readonly usage: Usage;
  /** Answers the accepted requests, and then ends the workers. */
  close(): Promise<void>;
}

/**
 * @param queueLimit texts that may wait, and also the most texts of one request
 * @param metadata what the model reads; without it, only ids that no model has are refused
 */
export function serveEngine(
  model: string,
  version: number,
  engine: LocalEngine,
  queueLimit = 1000,
  metadata?: Pick<Metadata, "max_length" | "positions" | "vocab_size" | "type_vocab_size">,
): Served {
  const failures = { REJECTED: 0, CANCELED: 0, BACKEND: 0, OTHER: 0 };
  const scheduler = createScheduler({ maxWaiting: queueLimit });
  return {
    model,
    version,
    engine,
    scheduler,
    bounds: {
      texts: queueLimit,
      tokens: metadata && (metadata.positions ?? metadata.max_length),
      vocabulary: metadata?.vocab_size ?? mostRows,
      tokenTypes: metadata?.type_vocab_size ?? mostRows,
    },
    usage: { success: 0, failures, texts: 0, successSeconds: 0, failureSeconds: 0, lastInference: 0 },
    async close() {
      await scheduler.close();
      await engine.close();
    },
  };
}

/** Does an inference and counts its outcome. */
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
