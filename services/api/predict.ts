import type { FastifyInstance, FastifyReply } from "fastify";
import { fail, failure } from "../../lib/errors/errors.js";
import { formatFloat32 } from "../../lib/math/float32.js";
import { sendJson } from "./reply.js";
import type { Scoring } from "./scoring.js";

/** POST /predict: `{"text": "..."}` is answered by `["...",score]`, the text unchanged. */
export function addPredict(app: FastifyInstance, scoring: Scoring): void {
  app.post("/predict", async (request, reply) => {
    const text = readText(request.body);
    const { score } = await scoring.score(text, abortWithClient(reply));
    return sendJson(reply, `[${JSON.stringify(text)},${formatFloat32(score)}]`);
  });
}

/** @throws no-text; other fields than `text` are ignored. */
function readText(body: unknown): string {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return fail("no-text", { found: describe(body) });
  const { text } = body as { text?: unknown };
  return typeof text === "string" ? text : fail("no-text", { found: text === undefined ? "no such field" : `${describe(text)} as text` });
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  return value === null ? "null" : Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function abortWithClient(reply: FastifyReply): AbortController {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableEnded) controller.abort(failure("cancelled", {}));
  });
  return controller;
}
