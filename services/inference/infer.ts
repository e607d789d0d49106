import { setImmediate } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { fail } from "../../lib/errors/errors.js";
import { abortWithClient } from "../../lib/http/abort.js";
import { headerLength } from "../../lib/protocol/message.js";
import { decodeRequest } from "../../lib/protocol/request.js";
import { encodeResponse } from "../../lib/protocol/response.js";
import type { Models } from "./models.js";
import { addModelRoute } from "./routes.js";
import { countInference } from "./served.js";
import { splitBatch } from "./split-batch.js";

/** Bytes of a body that is read at once. */
const short = 64 << 10;

let lastTurn = Promise.resolve();

/** Waits until everything else that is ready was done: long bodies that arrive together are read one by one, between other requests. */
function nextTurn(): Promise<void> {
  lastTurn = lastTurn.then(() => setImmediate());
  return lastTurn;
}

/** Adds the routes that score. */
export function addInference(app: FastifyInstance, models: Models, usualTimeout: number): void {
  addModelRoute(app, models, "POST", "/infer", async (served, request, reply) => {
    const signal = abortWithClient(reply);
    const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
    request.body = undefined; // what is read of it is kept, not its bytes
    if (body.length > short) await nextTurn();
    const asked = decodeRequest(body, request.headers[headerLength] as string | undefined, served.engine.inputs, served.bounds);
    const logits = await countInference(served, async () => {
      const limits = { queueTimeout: asked.timeout ?? usualTimeout, signal };
      const { logits } = await served.scheduler.run(served.engine, splitBatch(asked.inputs), limits);
      const wrong = logits.find((logit) => !Number.isFinite(logit));
      return wrong === undefined ? logits : fail("bad-score", { score: wrong });
    });
    const answer = { ...(asked.id === undefined ? {} : { id: asked.id }), model: served.model, version: String(served.version), logits };
    const message = encodeResponse(answer, asked.binaryOutput ? "binary" : "json");
    return reply.headers(message.headers).send(message.body);
  });
}
