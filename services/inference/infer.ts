import type { FastifyInstance } from "fastify";
import { fail, failure } from "../../lib/errors/errors.js";
import { headerLength } from "../../lib/protocol/message.js";
import { decodeRequest } from "../../lib/protocol/request.js";
import { encodeResponse } from "../../lib/protocol/response.js";
import type { Models } from "./models.js";
import { addModelRoute } from "./routes.js";
import { countInference } from "./served.js";
import { splitBatch } from "./split-batch.js";

/** Adds the routes that score. */
export function addInference(app: FastifyInstance, models: Models, usualTimeout: number): void {
  addModelRoute(app, models, "POST", "/infer", async (served, request, reply) => {
    const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
    const asked = decodeRequest(body, request.headers[headerLength] as string | undefined, served.engine.inputs, served.bounds);
    const gone = new AbortController();
    reply.raw.once("close", () => reply.raw.writableEnded || gone.abort(failure("cancelled", {})));
    const logits = await countInference(served, async () => {
      const limits = { queueTimeout: asked.timeout ?? usualTimeout, signal: gone.signal };
      const { logits } = await served.scheduler.run(served.engine, splitBatch(asked.inputs), limits);
      const wrong = logits.find((logit) => !Number.isFinite(logit));
      return wrong === undefined ? logits : fail("bad-score", { score: wrong });
    });
    const answer = { ...(asked.id === undefined ? {} : { id: asked.id }), model: served.model, version: String(served.version), logits };
    const message = encodeResponse(answer, asked.binaryOutput ? "binary" : "json");
    return reply.headers(message.headers).send(message.body);
  });
}
