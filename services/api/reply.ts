import type { FastifyReply } from "fastify";

/** Sends JSON with exactly this content type. For a string, Fastify would add a charset, which JSON does not have. */
export function sendJson(reply: FastifyReply, json: string, type = "application/json"): FastifyReply {
  return reply.header("content-type", type).send(Buffer.from(json));
}
