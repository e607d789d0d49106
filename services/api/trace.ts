import type { FastifyInstance } from "fastify";

declare module "fastify" {
  interface FastifyRequest {
    /** The client's trace, if it sent a valid one. */
    traceparent: string | undefined;
  }
}

/** Passes the client's traceparent on: to the answer here, and to the log and the inference server elsewhere. */
export function addTrace(app: FastifyInstance): void {
  app.decorateRequest("traceparent");
  app.addHook("onRequest", (request, reply, done) => {
    request.traceparent = readTraceparent(request.headers.traceparent);
    if (request.traceparent) reply.header("traceparent", request.traceparent);
    done();
  });
}

/** The value if it is valid: W3C Trace Context, section 3.2. A later version may have more fields. */
export function readTraceparent(value: string | readonly string[] | undefined): string | undefined {
  if (typeof value !== "string") return undefined;
  const [, version, rest] =
    /^([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[\x21-\x7e]{0,100})?$/.exec(value) ?? [];
  return version === undefined || version === "ff" || (version === "00" && rest !== undefined) ? undefined : value;
}
