import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { boundedArray } from "../../lib/errors/bounded.js";
import { describeIssues } from "../../lib/errors/describe-issues.js";
import { fail, ReadabilityError } from "../../lib/errors/errors.js";
import { describeFailure, describeResult, type ScoredText } from "../../lib/serving/score-result.js";
import { sendJson } from "./reply.js";
import type { Scorer } from "./scorer.js";

/** Texts of one request. With sentences there are fewer: the model runs once more for each sentence. */
const mostTexts = { plain: 100, sentences: 10 } as const;

/** POST /v1/score: what the scores of one text or several mean. docs/api.md describes the fields. */
export function addScore(app: FastifyInstance, scorer: Scorer): void {
  app.post("/v1/score", async (request, reply) => {
    const { text, texts = [text!], formulas, sentences } = readBody(request.body);
    const results = await scorer.score(texts, { warnings: true, formulas, sentences }, reply);
    const describe = (result: ScoredText) => describeResult(result, { formulas, sentences });
    if (text === undefined) {
      const list = results.map((result) => (result instanceof ReadabilityError ? describeFailure(result) : describe(result)));
      return sendJson(reply, JSON.stringify({ results: list }));
    }
    const [result] = results;
    if (result instanceof ReadabilityError) throw result;
    return sendJson(reply, JSON.stringify(describe(result!)));
  });
}

const schema = z
  .strictObject({
    text: z.string().optional(),
    texts: boundedArray(z.string(), 100 * mostTexts.plain)
      .refine(({ length }) => length > 0, "must have a length of at least 1")
      .optional(),
    formulas: z.boolean().default(false),
    sentences: z.boolean().default(false),
  })
  .refine(({ text, texts }) => (text === undefined) !== (texts === undefined), "must have text or texts, one of them");

/** @throws bad-score-request, batch-too-large */
function readBody(body: unknown): z.infer<typeof schema> {
  const { data, error } = schema.safeParse(body);
  if (error) return fail("bad-score-request", { problem: describeIssues(error, body, "the body") });
  const limit = data.sentences ? mostTexts.sentences : mostTexts.plain;
  const { length = 1 } = data.texts ?? {};
  return length > limit ? fail("batch-too-large", { texts: length, limit }) : data;
}
