import type { FastifyInstance } from "fastify";
import { failure, ReadabilityError } from "../../lib/errors/errors.js";
import { formatFloat32 } from "../../lib/math/float32.js";
import { documents } from "./documents.js";
import { sendJson } from "./reply.js";
import type { Described, predictBody } from "./schemas.js";
import { askFor, type Scorer } from "./scorer.js";
import { refuseWith } from "./validation.js";

/** POST /predict: `{"text": "..."}` is answered by `["...",score]`, the text unchanged. */
export function addPredict(app: FastifyInstance, scorer: Scorer): void {
  const route = {
    schema: documents.predict,
    compress: false as const,
    validatorCompiler: refuseWith((_, body) => failure("no-text", { found: describe(body) })),
  };
  app.post<{ Body: Described<typeof predictBody> }>("/predict", route, async (request, reply) => {
    const { text } = request.body;
    const result = scorer.recall(text, request.measurements) ?? (await scorer.score([text], {}, askFor(request, reply)))[0]!;
    if (result instanceof ReadabilityError) throw result;
    return sendJson(reply, `[${JSON.stringify(text)},${formatFloat32(result.score)}]`);
  });
}

/** What there is in place of a text. */
function describe(body: unknown): string {
  const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
  return isObject ? `${name((body as { text?: unknown }).text)} as text` : name(body);
}

function name(value: unknown): string {
  if (value === undefined || value === null) return value === null ? "null" : "nothing";
  return Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}
