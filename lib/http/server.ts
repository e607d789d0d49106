import { readFileSync } from "node:fs";
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
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

/** Connections whose request may arrive for longer than the time-out. */
const unhurried = new WeakSet<Socket>();

/** Lets the body of a request arrive for as long as its route reads it. The route bounds the time in which nothing comes. */
export function allowLongBody({ socket }: IncomingMessage): void {
  unhurried.add(socket);
}

/** Does not close the connections of `allowLongBody` at the time-out of requests, which Node has for a whole server only. */
function spareLongBodies(server: Server): void {
  const listeners = server.listeners("clientError") as ((error: NodeJS.ErrnoException, socket: Socket) => void)[];
  server.removeAllListeners("clientError");
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === "ERR_HTTP_REQUEST_TIMEOUT" && unhurried.has(socket)) return;
    for (const listener of listeners) listener(error, socket);
  });
}

/**
 * Bounds the number of connections, and the time that a response waits for its client to read it. At the limit, a new connection replaces
 * the oldest one whose client has not sent a complete request.
 */
export function addConnectionLimits({ server }: FastifyInstance, { maxConnections = Infinity }: ConnectionLimits): void {
  // Models, threads and the other server of this process need descriptors too.
  const most = Math.min(maxConnections, Math.floor(countDescriptors() / 2));
  const requests = new Map<Socket, IncomingMessage | undefined>(); // of each connection, the longest without an answer first
  server.maxConnections = most;
  spareLongBodies(server);
  server.on("connection", (socket) => {
    requests.set(socket, undefined);
    socket.once("close", () => requests.delete(socket));
    if (requests.size < most) return;
    const waits = [...requests].find(([other, request]) => other !== socket && !other.destroyed && !request?.complete);
    waits?.[0].destroy();
  });
  server.on("request", (request, response) => {
    const { socket } = request;
    requests.set(socket, request);
    response.once("prefinish", () => response.setTimeout(readTimeout));
    response.once("close", () => {
      unhurried.delete(socket);
      if (requests.delete(socket) && !socket.destroyed) requests.set(socket, undefined);
    });
  });
}

/** Files and connections that this process may have open; Infinity where the system does not say. */
function countDescriptors(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? Infinity);
  } catch {
    return Infinity;
  }
}
