import type { FastifyInstance } from "fastify";
import { failure } from "../../lib/errors/errors.js";

/** Seconds in which a client may send its requests. */
const window = 60;
/** Clients that are remembered. Beyond, the one whose window began first is forgotten. */
const mostClients = 100_000;

interface Usage {
  readonly ends: number;
  used: number;
}

/**
 * Limits the requests of each client in a window that begins with its first one. A client is a key, or else an address.
 * The headers are those of draft-ietf-httpapi-ratelimit-headers-11, in structured fields (RFC 9651).
 * @param limit requests in a minute; 0 for any number
 * @param now milliseconds
 */
export function addRateLimit(app: FastifyInstance, limit: number, now: () => number = () => performance.now()): void {
  if (limit === 0) return;
  const clients = new Map<string, Usage>(); // in the order in which their windows began
  app.addHook("onRequest", (request, reply, done) => {
    const client = request.client === undefined ? `address ${request.ip}` : `key ${request.client}`;
    const usage = find(client);
    const isOver = usage.used >= limit;
    if (!isOver) usage.used += 1;
    // Whole seconds, rounded up: by then the window is over.
    const seconds = Math.max(1, Math.ceil((usage.ends - now()) / 1000));
    reply.header("ratelimit-policy", `"minute";q=${limit};w=${window}`);
    reply.header("ratelimit", `"minute";r=${limit - usage.used};t=${seconds}`);
    done(isOver ? failure("rate-limited", { limit, retryAfter: seconds }) : undefined);
  });

  function find(client: string): Usage {
    const known = clients.get(client);
    if (known && known.ends > now()) return known;
    clients.delete(client);
    for (const [other, { ends }] of clients) {
      if (ends > now() && clients.size < mostClients) break;
      clients.delete(other);
    }
    const usage = { ends: now() + 1000 * window, used: 0 };
    clients.set(client, usage);
    return usage;
  }
}
