import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Log } from "../../lib/cli/log.js";
import { failure, ReadabilityError } from "../../lib/errors/errors.js";
import { titleOf } from "../../lib/errors/explain.js";
import type { Problem } from "./problem-schemas.js";
import { sendJson } from "./reply.js";

/** Answers every error as application/problem+json (RFC 9457), with its code and message from lib/errors. */
export function addProblems(app: FastifyInstance, log: Log, bodyLimit: number, retryAfter: () => number): void {
  app.setErrorHandler((error, request, reply) => {
    const known = reportError(error, request, log, bodyLimit);
    if (known.status === 503 || known.status === 429) reply.header("retry-after", known.retryAfter ?? retryAfter());
    return sendProblem(reply, known);
  });
}

export function sendProblem(reply: FastifyReply, { status, code, message }: ReadabilityError): FastifyReply {
  const problem: Problem = {
    type: `/problems/${code}`,
    title: titleOf(code),
    status,
    detail: message,
    code,
    request_id: reply.request.id,
  };
  return sendJson(reply.code(status), JSON.stringify(problem), "application/problem+json");
}

/** The error as a client may see it. Errors of the server are logged. */
export function reportError(error: unknown, request: FastifyRequest, log: Log, bodyLimit: number): ReadabilityError {
  const known = translate(error, request, bodyLimit);
  if (known.status >= 500 && known.status !== 503) log.error({ request: request.id, code: known.code, err: error }, known.message);
  return known;
}

/** Turns Fastify's own errors, and unforeseen ones, into rows of our table. */
function translate(error: unknown, request: FastifyRequest, bodyLimit: number): ReadabilityError {
  if (error instanceof ReadabilityError) return error;
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return failure("too-large", { limit: bodyLimit });
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") return failure("not-json", { type: request.headers["content-type"] ?? "missing" });
  if (code === "ERR_STREAM_PREMATURE_CLOSE") return failure("cancelled", {}); // the connection closed before its answer was sent
  // A path of files that leads out of their folder.
  if (statusCode === 403 || statusCode === 404) return failure("no-route", { method: request.method, path: request.url });
  if (statusCode === 400) return failure("bad-json", { problem: message ?? "it cannot be read" });
  return failure("internal", { id: request.id }, error);
}
