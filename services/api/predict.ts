import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { fail, ReadabilityError } from "../../lib/errors/errors.js";
import { formatFloat32 } from "../../lib/math/float32.js";
import { sendJson } from "./reply.js";
import type { Scorer } from "./scorer.js";

/** POST /predict: `{"text": "..."}` is answered by `["...",score]`, the text unchanged. */
export function addPredict(app: FastifyInstance, scorer: Scorer): void {
  app.post("/predict", async (request, reply) => {
    const text = readBody(request.body);
    const result = scorer.recall(text) ?? (await scorer.score([text], {}, reply))[0]!;
    if (result instanceof ReadabilityError) throw result;
    return sendJson(reply, `[${JSON.stringify(text)},${formatFloat32(result.score)}]`);
  });
}

const schema = z.object({ text: z.string() });

/** Reads the text; other fields are ignored. @throws no-text */
function readBody(body: unknown): string {
  const { data, error } = schema.safeParse(body, { reportInput: true });
  if (!error) return data.text;
  const { path, input } = error.issues[0]!;
  return fail("no-text", { found: describe(input) + (path.length > 0 ? " as text" : "") });
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  return value === null ? "null" : Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}
