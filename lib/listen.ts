import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { fail, reason } from "./errors.js";

/**
 * Listens on a port, or on any that is free for 0.
 * @returns the address for people, such as http://localhost:8000
 * @throws cannot-listen
 */
export async function listen(app: FastifyInstance, { host, port }: { readonly host: string; readonly port: number }): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    fail("cannot-listen", { address: `${host}:${port}`, cause: reason(error) }, error);
  }
  const everywhere = host === "0.0.0.0" || host === "::";
  return `http://${everywhere ? "localhost" : host}:${(app.server.address() as AddressInfo).port}`;
}

/** Ends every connection with the answer that is due on it once the app closes; a kept-alive one would keep the app from ending. */
export function endConnectionsOnClose(app: FastifyInstance): void {
  app.addHook("onSend", async (_request, reply) => {
    if (!app.server.listening) reply.header("connection", "close");
  });
}

/** Milliseconds for the last answers to reach their clients. */
const grace = 1000;

/**
 * Takes no more requests and ends once what was accepted is answered, which `drain` waits for. Connections still open after that have
 * not sent a whole request, or do not read their answer: they are cut.
 */
export async function closeApp(app: FastifyInstance, drain: () => Promise<unknown>): Promise<void> {
  const closed = app.close();
  await drain();
  const cut = setTimeout(() => app.server.closeAllConnections(), grace);
  await closed;
  clearTimeout(cut);
}
