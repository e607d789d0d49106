import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { IncomingMessage } from "node:http";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { validatorCompiler } from "fastify-type-provider-zod";
import type { Log } from "../../lib/cli/log.js";
import { errors, fail, failure, reason } from "../../lib/errors/errors.js";
import { addBodies } from "../../lib/http/bodies.js";
import { addDrain } from "../../lib/http/listen.js";
import { addConnectionLimits, type ConnectionLimits, timeouts } from "../../lib/http/server.js";
import { addCompression, addCors, addHelmet } from "./browsers.js";
import { addCompare } from "./compare.js";
import { addHealth } from "./health.js";
import { checkCharset, parseJson } from "./json.js";
import { addKeys, type Keys } from "./keys.js";
import { addLinesParser, hasLines, type LinesOptions } from "./lines.js";
import { addMeasurements } from "./measurements.js";
import { createMetrics, type Metrics } from "./metrics.js";
import { addModels } from "./models.js";
import { addOpenApi } from "./openapi.js";
import { addPredict } from "./predict.js";
import { addProblemPages } from "./problem-pages.js";
import { addProblems, sendProblem } from "./problems.js";
import { addRateLimit } from "./rate-limit.js";
import { addScore } from "./score.js";
import { createScorer, type Scorer, type ScorerOptions } from "./scorer.js";
import { addPage } from "./serve-page.js";
import { addTrace } from "./trace.js";

export interface AppOptions extends ScorerOptions, ConnectionLimits {
  /** Bytes of a request's body. */
  readonly bodyLimit: number;
  /** Bytes of all bodies that are in memory. */
  readonly bodiesLimit?: number;
  /** Whether the service is stopping, so that it is not ready. */
  readonly stopping?: AbortSignal;
  /** The keys of which a request needs one. Default: none is needed. */
  readonly keys?: Keys | undefined;
  /** Requests of a client in a minute; 0 for any number, the default. */
  readonly rateLimit?: number;
  /** Origins whose pages may use the api. */
  readonly corsOrigin?: readonly string[];
  /** Milliseconds in which a client must send some of a body in lines. Default: 60 s. */
  readonly idle?: number;
  readonly log: Log;
}

/** Milliseconds in which a client must send some of a body in lines. */
const idle = 60_000;

/** The api's routes, listening nowhere. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { log, bodyLimit, source, scheduler } = options;
  const app = fastify({ ...timeouts(options), bodyLimit, genReqId: chooseRequestId, logger: false });
  const metrics = createMetrics();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => JSON.stringify); // answers are typed by their schemas, and tests validate them
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    checkCharset(request.headers);
    done(null, readJson(body as Buffer));
  });
  app.addHook("onRequest", (request, reply, done) => {
    reply.header("x-request-id", request.id);
    monitor(request, reply, metrics, log);
    done();
  });
  addTrace(app);
  app.decorateRequest("client");
  addHelmet(app);
  addCors(app, options.corsOrigin ?? []);
  addCompression(app);
  refuseOtherRoutes(app);
  addConnectionLimits(app, options);
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // each answer in lines listens
  app.addHook("preClose", async () => closing.abort());
  const memory = addBodies(app, { bodiesLimit: options.bodiesLimit, unknownEncoding: "unsupported-encoding", isStreamed: hasLines });
  addDrain(app, options.timeout + 1000);
  addProblems(app, log, bodyLimit, scheduler.retryAfter);
  addOpenApi(app);
  app.register((routes, _, done) => {
    addScoring(routes, createScorer(options, metrics), { idle, ...options, memory, closing: closing.signal });
    addHealth(routes, source, metrics, options.stopping);
    addProblemPages(routes);
    addPage(routes);
    done();
  });
  return app;
}

/** The routes that ask for a key and have a rate limit, if there are any: those of scores and models. */
function addScoring(app: FastifyInstance, scorer: Scorer, options: LinesOptions & AppOptions): void {
  app.register((routes, _, done) => {
    addKeys(routes, options.keys);
    addRateLimit(routes, options.rateLimit ?? 0);
    addModels(routes, options.source);
    routes.register((routes, _, done) => {
      addMeasurements(routes, options.cacheSize > 0);
      addPredict(routes, scorer);
      addCompare(routes, scorer);
      routes.register((routes, _, done) => {
        addLinesParser(routes);
        addScore(routes, scorer, options);
        done();
      });
      done();
    });
    done();
  });
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
    const { traceparent, client } = request;
    metrics.inFlight.dec();
    metrics.requests.inc({ route, status });
    metrics.requestSeconds.observe({ route }, seconds);
    const quiet = status < 400 || status === errors.cancelled.status;
    log[quiet ? "debug" : "info"]({ request: request.id, method: request.method, route, status, seconds, client, traceparent }, "request");
  });
}

/** @throws bad-json */
function readJson(body: Buffer): unknown {
  try {
    return parseJson(body);
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
  // Plugins that add headers come first.
  app.after(() => {
    app.addHook("onRequest", refuse);
  });

  function refuse(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    if (!request.is404) {
      done();
      return;
    }
    const { method } = request;
    const path = request.url.replace(/\?.*/s, "");
    const allowed = methods.get(path)?.join(", ");
    if (allowed === undefined) sendProblem(reply, failure("no-route", { method, path }));
    else sendProblem(reply.header("allow", allowed), failure("wrong-method", { method, path, allowed }));
  }
}
