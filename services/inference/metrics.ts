import { type FastifyInstance, fastify } from "fastify";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { addConnectionLimits, type ConnectionLimits, timeouts } from "../../lib/http/server.js";
import type { Models } from "./models.js";
import { failureReasons, type Served } from "./served.js";

/** Triton's metrics by their names; durations in microseconds. Every text is one execution. */
const counters: Readonly<Record<string, readonly [help: string, value: (served: Served) => number]>> = {
  nv_inference_request_success: ["Number of successful inference requests", ({ usage }) => usage.success],
  nv_inference_count: ["Number of texts scored", ({ usage }) => usage.texts],
  nv_inference_exec_count: ["Number of model executions", ({ usage }) => usage.texts],
  nv_inference_request_duration_us: ["Cumulative duration of successful requests", ({ usage }) => 1e6 * usage.successSeconds],
  nv_inference_queue_duration_us: ["Cumulative time that requests waited", ({ scheduler }) => 1e6 * scheduler.stats.queueSeconds],
  nv_inference_compute_infer_duration_us: ["Cumulative time of model executions", ({ scheduler }) => 1e6 * scheduler.stats.computeSeconds],
};

/** `GET /metrics` for Prometheus, with every version until it is unloaded. Listens nowhere. */
export function buildMetrics(models: Models, limits: ConnectionLimits = {}): FastifyInstance {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const labels = ({ model, version }: Served) => ({ model, version: String(version) });
  const labelNames = ["model", "version"];

  for (const [name, [help, value]] of Object.entries(counters)) {
    new Counter({
      name,
      help,
      labelNames,
      registers: [register],
      collect() {
        this.reset();
        for (const served of models.opened()) this.inc(labels(served), Math.round(value(served)));
      },
    });
  }
  new Counter({
    name: "nv_inference_request_failure",
    help: "Number of failed inference requests",
    labelNames: [...labelNames, "reason"],
    registers: [register],
    collect() {
      this.reset();
      for (const served of models.opened())
        for (const reason of failureReasons) this.inc({ ...labels(served), reason }, served.usage.failures[reason]);
    },
  });
  new Gauge({
    name: "nv_inference_pending_request_count",
    help: "Number of texts that wait",
    labelNames,
    registers: [register],
    collect() {
      this.reset();
      for (const served of models.opened()) this.set(labels(served), served.scheduler.stats.queued);
    },
  });

  const app = fastify({ ...timeouts(limits), bodyLimit: 1024 });
  addConnectionLimits(app, { maxConnections: 32 });
  app.get("/metrics", async (_request, reply) => reply.header("content-type", register.contentType).send(await register.metrics()));
  return app;
}
