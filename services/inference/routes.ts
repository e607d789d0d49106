import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { failure } from "../../lib/errors/errors.js";
import type { Models } from "./models.js";
import type { Served } from "./served.js";

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;

/** Adds a route that answers 405 to other methods, as Triton does. @param bodyLimit bytes; by default, the app's */
export function addRoute(app: FastifyInstance, method: "GET" | "POST", url: string, handler: Handler, bodyLimit?: number): void {
  const others = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].filter((other) => other !== method);
  app.route({ method, url, handler: async (request, reply) => handler(request, reply), ...(bodyLimit === undefined ? {} : { bodyLimit }) });
  app.route({ method: others, url, handler: async (_request, reply) => reply.code(405).send({ error: "Method Not Allowed" }) });
}

/** Adds a route of a model, by its name alone and with its version; `missing` answers if that is not served. */
export function addModelRoute(
  app: FastifyInstance,
  models: Models,
  method: "GET" | "POST",
  suffix: string,
  handle: (served: Served, request: FastifyRequest, reply: FastifyReply) => unknown,
  missing: (reply: FastifyReply, model: string, version: string | undefined) => unknown = (_reply, model, version) => {
    throw failure("unknown-model", { model: `'${model}'${version === undefined ? "" : ` version ${version}`}` });
  },
): void {
  const handler: Handler = (request, reply) => {
    const { model, version } = request.params as { model: string; version?: string };
    // One version is served: the newest.
    const served = models
      .served()
      .find((served) => served.model === model && (version === undefined || served.version === Number(version)));
    return served ? handle(served, request, reply) : missing(reply, model, version);
  };
  addRoute(app, method, `/v2/models/:model${suffix}`, handler);
  addRoute(app, method, `/v2/models/:model/versions/:version(^\\d+$)${suffix}`, handler);
}
