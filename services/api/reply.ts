import type { FastifyReply } from "fastify";

/** Sends JSON under exactly this content type: to one of a string Fastify adds a charset, which JSON does not have. */
export function sendJson(reply: FastifyReply, json: string, type = "application/json"): FastifyReply {
  return reply.header("content-type", type).send(Buffer.from(json));
}
