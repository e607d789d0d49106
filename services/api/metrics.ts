import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export type Metrics = ReturnType<typeof createMetrics>;

/** The service's metrics and Node's, in their own registry. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const seconds = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Histogram({ name: `readability_api_${name}_seconds`, help, buckets, labelNames, registers: [registry] });
  const count = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: `readability_api_${name}_total`, help, labelNames, registers: [registry] });
  return {
    registry,
    requests: count("requests", "Requests answered; status 499 when the client went away first.", "route", "status"),
    requestSeconds: seconds("request", "From a request's headers to its answer's end.", "route"),
    queueSeconds: seconds("queue", "What a text, or a window of one, waited for the model."),
    tokenizeSeconds: seconds("tokenize", "Turning a text into tokens."),
    inferenceSeconds: seconds("inference", "What a text, or a window of one, took the model or its server."),
    cacheHits: count("cache_hits", "Texts whose score was remembered."),
    cacheMisses: count("cache_misses", "Texts whose score was computed."),
    inFlight: new Gauge({ name: "readability_api_in_flight", help: "Requests that are not answered yet.", registers: [registry] }),
  };
}
