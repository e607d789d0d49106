import type { FastifyInstance } from "fastify";

/** What the texts of a request took. */
export interface Measurements {
  /** When the request began, by `performance.now()`. */
  readonly began: number;
  /** Milliseconds. */
  tokenize: number;
  queue: number;
  inference: number;
  /** Texts whose scores were remembered, and whose were not. */
  hits: number;
  misses: number;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Of a request that scores texts and is answered at once. */
    measurements: Measurements | undefined;
  }
}

/** Adds Server-Timing and, with a cache, x-cache to the answers of the routes that are registered after it. */
export function addMeasurements(app: FastifyInstance, hasCache: boolean): void {
  app.decorateRequest("measurements");
  app.addHook("onRequest", (request, _reply, done) => {
    request.measurements = { began: performance.now(), tokenize: 0, queue: 0, inference: 0, hits: 0, misses: 0 };
    done();
  });
  app.addHook("onSend", ({ measurements }, reply, _payload, done) => {
    if (measurements) {
      reply.header("server-timing", formatTiming(measurements));
      if (hasCache && measurements.hits + measurements.misses > 0) reply.header("x-cache", measurements.misses === 0 ? "hit" : "miss");
    }
    done();
  });
}

/** The phases, which add up to the total. @param now by `performance.now()` */
export function formatTiming({ began, tokenize, queue, inference }: Measurements, now = performance.now()): string {
  const total = now - began;
  const phases = { queue, tokenize, inference, other: total - queue - tokenize - inference, total };
  return Object.entries(phases)
    .map(([name, milliseconds]) => `${name};dur=${milliseconds.toFixed(2)}`)
    .join(", ");
}
