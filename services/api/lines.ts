import { setMaxListeners } from "node:events";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Log } from "../../lib/cli/log.js";
import { describeIssues } from "../../lib/errors/describe-issues.js";
import { fail, failure, ReadabilityError, reason } from "../../lib/errors/errors.js";
import { allowLongBody } from "../../lib/http/server.js";
import type { ScoreResult } from "../../lib/serving/result-types.js";
import { describeFailure, describeResult } from "../../lib/serving/score-result.js";
import { linesTypes } from "./documents.js";
import { workInOrder } from "./in-order.js";
import { checkCharset, parseJson } from "./json.js";
import { type Line, type LineLimits, readLines } from "./line-reader.js";
import { reportError } from "./problems.js";
import { lineFields, lineId } from "./schemas.js";
import { type Asking, askFor, type Scorer } from "./scorer.js";

/** Lines of a request that are scored at the same time: about 32 windows. */
const inFlight = { items: 32, size: 48_000 };
/** Milliseconds in which a client must read some of the answer. */
const readTimeout = 300_000;
/** Milliseconds for a client to read the end of the answer before its connection is closed, if it is still sending. */
const grace = 5_000;

export interface LinesOptions extends LineLimits {
  /** Milliseconds that a line may take. */
  readonly timeout: number;
  readonly log: Log;
  /** Ends the answers when the app closes. */
  readonly closing: AbortSignal;
}

/** Whether a request has NDJSON and its route reads it. */
export const hasLines = ({ headers, routeOptions: { url } }: Pick<FastifyRequest, "headers" | "routeOptions">): boolean => {
  const type = headers["content-type"]?.replace(/;.*/s, "").trim().toLowerCase();
  return url === "/v1/score" && linesTypes.some((known) => known === type);
};

/** Makes the routes of `app` take NDJSON, as a stream. */
export function addLinesParser(app: FastifyInstance): void {
  app.addContentTypeParser([...linesTypes], ({ headers }, payload, done) => {
    checkCharset(headers);
    done(null, payload);
  });
}

/** Answers NDJSON with NDJSON: a line for each line, in order, while they come. */
export function sendLines(request: FastifyRequest, reply: FastifyReply, scorer: Scorer, options: LinesOptions): FastifyReply {
  const { closing } = options;
  request.measurements = undefined; // the headers are sent before anything is measured
  allowLongBody(request.raw);
  reply.raw.setTimeout(readTimeout, () => request.raw.socket.destroy());
  const body = request.body as Readable;
  const stop = () => body.destroy(failure("closed", {}));
  closing.addEventListener("abort", stop);
  body.once("close", () => closing.removeEventListener("abort", stop));
  reply.raw.once("finish", () => endConnection(request));

  const asking = askFor(request, reply);
  setMaxListeners(0, asking.signal); // each line listens
  const answer = (line: Line) => answerLine(line, request, (text, wanted) => score(scorer, text, wanted, asking, options.timeout), options);
  const answers = workInOrder(readLines(body, options), inFlight, ({ content }) => ("length" in content ? content.length : 0), answer);
  return reply.type("application/x-ndjson").send(Readable.from(answers, { objectMode: false }));
}

/** Ends the connection of a client that is still sending, once it had time to read the answer. */
function endConnection({ raw }: FastifyRequest): void {
  if (raw.complete !== false) return;
  raw.resume();
  setTimeout(() => raw.complete || raw.socket.destroy(), grace).unref();
}

type ScoreLine = (text: string, wanted: Omit<ReturnType<typeof lineFields.parse>, "text" | "id">) => Promise<ScoreResult>;

/** The answer to a line, with its end. Never rejects. */
async function answerLine(line: Line, request: FastifyRequest, score: ScoreLine, { log, bodyLimit }: LinesOptions): Promise<string> {
  let id: string | number | undefined;
  const write = (answer: object) => `${JSON.stringify(id === undefined ? answer : { id, ...answer })}\n`;
  try {
    if (line.content instanceof ReadabilityError) throw line.content;
    const value = readValue(line.content);
    id = lineId.safeParse((value as { id?: unknown } | null)?.id).data;
    const { text, id: _, ...wanted } = readFields(value);
    return write(await score(text, wanted));
  } catch (error) {
    return write(describeFailure(reportError(error, request, log, bodyLimit)));
  } finally {
    line.release();
  }
}

/** @throws bad-line */
function readValue(line: Buffer): unknown {
  try {
    return parseJson(line);
  } catch (error) {
    return fail("bad-line", { problem: reason(error) });
  }
}

/** @throws bad-line */
function readFields(value: unknown) {
  const fields = typeof value === "string" ? { text: value } : value;
  const { data, error } = lineFields.safeParse(fields);
  return error ? fail("bad-line", { problem: describeIssues(error, fields, "it") }) : data;
}

/** Scores a text; waits while too many other requests are in progress, but not longer than a request may take. */
async function score(
  scorer: Scorer,
  text: string,
  wanted: Parameters<ScoreLine>[1],
  asking: Asking,
  timeout: number,
): Promise<ScoreResult> {
  const deadline = performance.now() + timeout;
  for (;;) {
    try {
      const [result] = await scorer.score([text], { warnings: true, ...wanted }, asking);
      if (result instanceof ReadabilityError) throw result;
      return describeResult(result!, wanted);
    } catch (error) {
      const isBusy = error instanceof ReadabilityError && error.code === "overloaded";
      const pause = 1000 * ((error as ReadabilityError).retryAfter ?? 1);
      if (!isBusy || performance.now() + pause > deadline) throw error;
      await sleep(pause, undefined, { signal: asking.signal });
    }
  }
}
