import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";

/** Bounds of a server's connections. */
export interface ConnectionLimits {
  /** Seconds after which an idle connection is closed. */
  readonly keepAliveTimeout?: number | undefined;
  /** Largest number of connections. Default: half of this process's file descriptors. */
  readonly maxConnections?: number | undefined;
}

/** Milliseconds in which a client must send its headers, in which it must send its request, and in which it must read some of an answer. */
const headersTimeout = 20_000;
const requestTimeout = 60_000;
const readTimeout = 60_000;

/** Options of Fastify, so that a slow client cannot hold a connection forever. */
export const timeouts = ({ keepAliveTimeout = 72 }: ConnectionLimits) => ({
  keepAliveTimeout: 1000 * keepAliveTimeout,
  requestTimeout,
  http: { headersTimeout, connectionsCheckingInterval: 1000 },
});

/** Bounds the number of connections, and the time that a response waits for its client to read it. */
export function addConnectionLimits(app: FastifyInstance, { maxConnections = Infinity }: ConnectionLimits): void {
  // Models, threads and the other server of this process need descriptors too.
  app.server.maxConnections = Math.min(maxConnections, Math.floor(countDescriptors() / 2));
  app.server.on("drop", () => app.server.closeIdleConnections());
  app.server.on("request", (_request, response) => response.once("prefinish", () => response.setTimeout(readTimeout)));
}

/** Files and connections that this process may have open; Infinity where the system does not say. */
function countDescriptors(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? Infinity);
  } catch {
    return Infinity;
  }
}
