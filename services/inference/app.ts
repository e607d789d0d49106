import { type FastifyInstance, fastify } from "fastify";
import type { Log } from "../../lib/cli/log.js";
import { ReadabilityError, reason } from "../../lib/errors/errors.js";
import { addBodies } from "../../lib/http/bodies.js";
import { addDrain } from "../../lib/http/listen.js";
import { addConnectionLimits, type ConnectionLimits, timeouts } from "../../lib/http/server.js";
import { addDescriptions } from "./descriptions.js";
import { addInference } from "./infer.js";
import type { Models } from "./models.js";
import { addRepository } from "./repository.js";

export interface AppOptions extends ConnectionLimits {
  readonly models: Models;
  /** Milliseconds a request may wait that names no timeout. */
  readonly timeout: number;
  /** Bytes of a request's body. */
  readonly bodyLimit: number;
  /** Bytes of all bodies that are in memory. */
  readonly bodiesLimit?: number;
  /** Whether the service is stopping, so that it is not ready. */
  readonly stopping?: AbortSignal;
  readonly log: Log;
}

/** The Open Inference Protocol over HTTP, with the statuses and bodies of Triton Inference Server. Listens nowhere. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { models, timeout, bodyLimit, log } = options;
  const app = fastify({ ...timeouts(options), bodyLimit, routerOptions: { maxParamLength: 1000 } });
  // The protocol sends binary tensors under any content type, so every body is read as bytes.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  addConnectionLimits(app, options);
  addBodies(app, { bodiesLimit: options.bodiesLimit, unknownEncoding: "unknown-encoding" });
  addDrain(app);
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: "Not Found" }));
  app.setErrorHandler((error, _request, reply) => {
    const { status, message, retryAfter } = translate(error);
    if (status === 500) log.error({ err: error }, message);
    if (retryAfter !== undefined) reply.header("retry-after", retryAfter);
    return reply.code(status).send({ error: message });
  });
  addDescriptions(app, models, options.stopping);
  addInference(app, models, timeout);
  addRepository(app, models);
  return app;
}

function translate(error: unknown): { readonly status: number; readonly message: string; readonly retryAfter?: number | undefined } {
  if (error instanceof ReadabilityError) return error;
  return { status: (error as { statusCode?: number }).statusCode ?? 500, message: reason(error) };
}
