import type { Transform } from "node:stream";
import { createGunzip, createInflate } from "node:zlib";
import { type FastifyInstance, fastify } from "fastify";
import type { Log } from "../../lib/cli/log.js";
import { failure, ReadabilityError, reason } from "../../lib/errors/errors.js";
import { addDrain } from "../../lib/http/listen.js";
import { addDescriptions } from "./descriptions.js";
import { addInference } from "./infer.js";
import type { Models } from "./models.js";
import { addRepository } from "./repository.js";

export interface AppOptions {
  readonly models: Models;
  /** Milliseconds a request may wait that names no timeout. */
  readonly timeout: number;
  /** Bytes of a request's body. */
  readonly bodyLimit: number;
  readonly log: Log;
}

const decoders = new Map<string, () => Transform>([
  ["gzip", createGunzip],
  ["deflate", createInflate],
]);

/** The Open Inference Protocol over HTTP, with the statuses and bodies of Triton Inference Server. Listens nowhere. */
export function buildApp({ models, timeout, bodyLimit, log }: AppOptions): FastifyInstance {
  const app = fastify({ bodyLimit, routerOptions: { maxParamLength: 1000 } });
  // The protocol sends binary tensors under any content type, so every body is read as bytes.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.addHook("preParsing", async (request, _reply, payload) => {
    const encoding = request.headers["content-encoding"];
    if (encoding === undefined || encoding === "identity") return payload;
    const decoder = decoders.get(encoding)?.();
    if (!decoder) throw failure("unknown-encoding", { encoding });
    // Fastify compares the compressed bytes with the content length.
    const decoded = Object.assign(decoder, { receivedEncodedLength: Number(request.headers["content-length"] ?? 0) });
    payload.on("error", (error) => decoder.destroy(error));
    return payload.pipe(decoded);
  });
  addDrain(app);
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: "Not Found" }));
  app.setErrorHandler((error, _request, reply) => {
    const { status, message, retryAfter } = translate(error, bodyLimit);
    if (status === 500) log.error({ err: error }, message);
    if (retryAfter !== undefined) reply.header("retry-after", retryAfter);
    return reply.code(status).send({ error: message });
  });
  addDescriptions(app, models);
  addInference(app, models, timeout);
  addRepository(app, models);
  return app;
}

function translate(
  error: unknown,
  bodyLimit: number,
): { readonly status: number; readonly message: string; readonly retryAfter?: number | undefined } {
  if (error instanceof ReadabilityError) return error;
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return failure("too-large", { limit: bodyLimit });
  if (code?.startsWith("Z_")) return { status: 400, message: `The body cannot be decompressed: ${reason(error)}.` };
  return { status: statusCode ?? 500, message: reason(error) };
}
