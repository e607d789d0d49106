import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { fail, reason } from "../errors/errors.js";

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

/** A port of this machine on which nothing listens. */
export async function findPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Milliseconds for a request that is being sent when the app closes. */
const grace = 1000;

/**
 * Makes `app.close()` refuse new connections at once, answer the requests that came before, and then end every connection. Left to
 * itself it would wait for clients that keep theirs, and for ever for one on which no request comes.
 * @param longest milliseconds that an accepted request is waited for
 */
export function addDrain(app: FastifyInstance, longest = Number.POSITIVE_INFINITY): void {
  let accepted = 0;
  let closing = false;
  let finish = () => {};
  // A request counts once it is here whole.
  app.addHook("preValidation", (_request, reply, done) => {
    accepted++;
    reply.raw.once("close", () => {
      if (--accepted === 0) finish();
    });
    done();
  });
  app.addHook("onSend", (_request, reply, _payload, done) => {
    if (closing) reply.header("connection", "close");
    done();
  });
  const answered = async () => {
    if (accepted === 0) return;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await (Number.isFinite(longest) ? Promise.race([finished, sleep(longest, undefined, { ref: false })]) : finished);
  };
  app.addHook("preClose", async () => {
    closing = true;
    const closed = new Promise<void>((resolve) => app.server.close(() => resolve()));
    await answered();
    await Promise.race([closed, sleep(grace, undefined, { ref: false })]);
    await answered();
    app.server.closeAllConnections();
  });
}
