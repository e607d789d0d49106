import type { FastifyInstance } from "fastify";
import { describeIssues } from "../../lib/errors/describe-issues.js";
import { fail, failure, ReadabilityError } from "../../lib/errors/errors.js";
import type { ScoreResult } from "../../lib/serving/result-types.js";
import { describeFailure, describeResult } from "../../lib/serving/score-result.js";
import { documents } from "./documents.js";
import { hasLines, type LinesOptions, sendLines } from "./lines.js";
import { sendJson } from "./reply.js";
import { type batch, type Described, mostTexts, type scoreBody } from "./schemas.js";
import { askFor, type Scored, type Scorer } from "./scorer.js";
import { refuseWith } from "./validation.js";

const refuse = refuseWith((error, body) => failure("bad-score-request", { problem: describeIssues(error, body, "the body") }));

/** POST /v1/score: what the scores of one text or several mean. docs/api.md describes the fields. */
export function addScore(app: FastifyInstance, scorer: Scorer, lines: LinesOptions): void {
  const route = { schema: documents.score, validatorCompiler: refuse };
  app.post<{ Body: Described<typeof scoreBody> }>("/v1/score", route, async (request, reply) => {
    if (hasLines(request)) return sendLines(request, reply, scorer, lines);
    const { text, texts = [text!], ...wanted } = request.body;
    const limit = wanted.sentences ? mostTexts.sentences : mostTexts.plain;
    if (texts.length > limit) fail("batch-too-large", { texts: texts.length, limit });
    const scored = await scorer.score(texts, { warnings: true, ...wanted }, askFor(request, reply));
    const describe = (result: Scored): ScoreResult => describeResult(result, wanted);
    if (text === undefined) {
      const results = scored.map((result) => (result instanceof ReadabilityError ? describeFailure(result) : describe(result)));
      return sendJson(reply, JSON.stringify({ results } satisfies Described<typeof batch>));
    }
    const [result] = scored;
    if (result instanceof ReadabilityError) throw result;
    return sendJson(reply, JSON.stringify(describe(result!)));
  });
}
