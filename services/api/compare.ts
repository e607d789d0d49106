import type { FastifyInstance } from "fastify";
import { describeIssues } from "../../lib/errors/describe-issues.js";
import { failure, ReadabilityError } from "../../lib/errors/errors.js";
import { compareScores } from "../../lib/serving/compare-scores.js";
import { describeResult, shorten, shortenInterval, tablesOf } from "../../lib/serving/score-result.js";
import { joinWindows } from "../../lib/text/windows.js";
import { documents } from "./documents.js";
import { sendJson } from "./reply.js";
import type { compareBody, comparison, Described } from "./schemas.js";
import { askFor, type Scored, type Scorer } from "./scorer.js";
import { refuseWith } from "./validation.js";

const refuse = refuseWith((error, body) => failure("bad-compare-request", { problem: describeIssues(error, body, "the body") }));

/** POST /v1/compare: the scores of two versions of a text, and what the change did. docs/api.md describes the fields. */
export function addCompare(app: FastifyInstance, scorer: Scorer): void {
  const route = { schema: documents.compare, validatorCompiler: refuse };
  app.post<{ Body: Described<typeof compareBody> }>("/v1/compare", route, async (request, reply) => {
    const { before, after, ...wanted } = request.body;
    const versions = await scorer.score([before, after], { warnings: true, ...wanted }, askFor(request, reply));
    const problem = versions.find((version) => version instanceof ReadabilityError);
    if (problem) throw problem;
    const [old, current] = versions as [Scored, Scored];
    const answer: Described<typeof comparison> = {
      before: describeResult(old, wanted),
      after: describeResult(current, wanted),
      difference: describeDifference(old, current),
    };
    return sendJson(reply, JSON.stringify(answer));
  });
}

function describeDifference(before: Scored, after: Scored): Described<typeof comparison>["difference"] {
  const read = ({ score, model, read }: Scored) => ({ score, ids: joinWindows(model.tokenizer, read) });
  const { score, interval } = compareScores(read(before), read(after), tablesOf(after.model));
  return { score: shorten(score), interval: shortenInterval(interval) };
}
