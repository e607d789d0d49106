import type { FastifyReply } from "fastify";
import { failure } from "../errors/errors.js";

/** Aborts with `cancelled` if the client disconnects before it has its answer. */
export function abortWithClient({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once("close", () => raw.writableEnded || controller.abort(failure("cancelled", {})));
  return controller.signal;
}
