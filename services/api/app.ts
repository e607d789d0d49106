import { isUtf8 } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import type { Log } from "../../lib/cli/log.js";
import { parseBoundedJson } from "../../lib/errors/bounded.js";
import { errors, fail, failure, reason } from "../../lib/errors/errors.js";
import { addBodies } from "../../lib/http/bodies.js";
import { addDrain } from "../../lib/http/listen.js";
import { addConnectionLimits, type ConnectionLimits, timeouts } from "../../lib/http/server.js";
import { addHealth } from "./health.js";
import { createMetrics, type Metrics } from "./metrics.js";
import { addModels } from "./models.js";
import { addPredict } from "./predict.js";
import { addProblems, sendProblem } from "./problems.js";
import { addScore } from "./score.js";
import { createScorer, type ScorerOptions } from "./scorer.js";

export interface AppOptions extends ScorerOptions, ConnectionLimits {
  /** Bytes of a request's body. */
  readonly bodyLimit: number;
  /** Bytes of all bodies that are in memory. */
  readonly bodiesLimit?: number;
  /** Whether the service is stopping, so that it is not ready. */
  readonly stopping?: AbortSignal;
  readonly log: Log;
}

/** Bytes that the values of a body may take: a hundred thousand short texts. */
const mostJson = 4 << 20;

/** The api's routes, listening nowhere. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { log, bodyLimit, source, scheduler } = options;
  const app = fastify({ ...timeouts(options), bodyLimit, genReqId: chooseRequestId, logger: false });
  const metrics = createMetrics();
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    checkCharset(request);
    done(null, parseJson(body as Buffer));
  });
  app.addHook("onRequest", (request, reply, done) => {
    reply.header("x-request-id", request.id);
    monitor(request, reply, metrics, log);
    done();
  });
  refuseOtherRoutes(app);
  addConnectionLimits(app, options);
  addBodies(app, options.bodiesLimit, "unsupported-encoding");
  addDrain(app, options.timeout + 1000);
  addProblems(app, log, bodyLimit, scheduler.retryAfter);
  const scorer = createScorer(options, metrics);
  addPredict(app, scorer);
  addScore(app, scorer);
  addModels(app, source);
  addHealth(app, source, metrics, options.stopping);
  return app;
}

/** The client's x-request-id if it is fit for a log, else a new one. */
function chooseRequestId({ headers }: IncomingMessage): string {
  const given = headers["x-request-id"];
  return typeof given === "string" && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

/** Counts and logs a request when it is over, even if its client went away before. */
function monitor(request: FastifyRequest, reply: FastifyReply, metrics: Metrics, log: Log): void {
  const began = performance.now();
  metrics.inFlight.inc();
  reply.raw.once("close", () => {
    const status = reply.raw.writableEnded ? reply.statusCode : errors.cancelled.status;
    const route = request.routeOptions.url ?? "other";
    const seconds = (performance.now() - began) / 1000;
    metrics.inFlight.dec();
    metrics.requests.inc({ route, status });
    metrics.requestSeconds.observe({ route }, seconds);
    log[status < 400 || status === errors.cancelled.status ? "debug" : "info"]({ request: request.id, method: request.method, route, status, seconds }, "request");
  });
}

/** @throws unsupported-charset */
function checkCharset({ headers }: FastifyRequest): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(headers["content-type"] ?? "")?.[1];
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset)) fail("unsupported-charset", { charset });
}

/** @throws bad-json */
function parseJson(body: Buffer): unknown {
  if (!isUtf8(body)) fail("bad-json", { problem: "it is not UTF-8" });
  try {
    const hasMark = body[0] === 0xef; // the first byte of a byte order mark
    return parseBoundedJson(hasMark ? body.subarray(3) : body, mostJson);
  } catch (error) {
    return fail("bad-json", { problem: reason(error) });
  }
}

/** Answers 405 with the methods that a path takes, or 404, before it reads a body. */
function refuseOtherRoutes(app: FastifyInstance): void {
  const methods = new Map<string, string[]>();
  app.addHook("onRoute", ({ url, method }) => {
    methods.set(url, [...(methods.get(url) ?? []), ...[method].flat()]);
  });
  app.addHook("onRequest", (request, reply, done) => {
    if (!request.is404) return done();
    const { method } = request;
    const path = request.url.replace(/\?.*/s, "");
    const allowed = methods.get(path)?.join(", ");
    if (allowed === undefined) return void sendProblem(reply, failure("no-route", { method, path }));
    sendProblem(reply.header("allow", allowed), failure("wrong-method", { method, path, allowed }));
  });
}
