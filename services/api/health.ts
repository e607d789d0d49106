import type { FastifyInstance } from "fastify";
import { fail } from "../../lib/errors/errors.js";
import { documents } from "./documents.js";
import type { Metrics } from "./metrics.js";
import { sendJson } from "./reply.js";
import type { ModelSource } from "./source.js";

/** GET /alive: the process answers. GET /ready: so does the model. GET /metrics: Prometheus. */
export function addHealth(app: FastifyInstance, source: Pick<ModelSource, "ready">, { registry }: Metrics, stopping?: AbortSignal): void {
  app.get("/alive", { schema: documents.alive }, (_, reply) => void sendJson(reply, "true"));

  app.get("/ready", { schema: documents.ready }, async (_, reply) => {
    if (stopping?.aborted) fail("closed", {});
    if (!(await source.ready().catch(() => false))) fail("not-ready", { what: "The model" });
    return sendJson(reply, "true");
  });

  app.get("/metrics", { schema: documents.metrics }, async (_, reply) =>
    reply.header("content-type", registry.contentType).send(await registry.metrics()),
  );
}
