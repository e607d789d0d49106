import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { fail, reason } from "../errors/errors.js";

/**
 * Listens on a port; 0 takes any free one. The host :: means every address, also of IPv4; on a machine without IPv6, it means 0.0.0.0.
 * @returns the address for people, such as http://localhost:8000
 * @throws cannot-listen
 */
export async function listen(
  app: FastifyInstance,
  { host: asked, port }: { readonly host: string; readonly port: number },
  hasAddress = canListen,
): Promise<string> {
  const host = asked === "::" && !(await hasAddress(asked)) ? "0.0.0.0" : asked;
  try {
    await app.listen({ host, port });
  } catch (error) {
    fail("cannot-listen", { address: `${inUrl(host)}:${port}`, cause: reason(error) }, error);
  }
  const everywhere = host === "0.0.0.0" || host === "::";
  return `http://${everywhere ? "localhost" : inUrl(host)}:${(app.server.address() as AddressInfo).port}`;
}

const inUrl = (host: string): string => (host.includes(":") ? `[${host}]` : host);

function canListen(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(0, host, () => server.close(() => resolve(true)));
  });
}

/** A free port of this machine. */
export async function findPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Milliseconds that a request may still take to arrive when the app closes. */
const grace = 1000;

/**
 * Makes `app.close()` refuse new connections at once, answer the accepted requests, and then end every connection. Without this, it
 * would wait until clients end their connections, and forever for a client that sends no request.
 * @param longest milliseconds to wait for an accepted request
 */
export function addDrain(app: FastifyInstance, longest = Number.POSITIVE_INFINITY): void {
  let accepted = 0;
  let closing = false;
  let finish = () => {};
  // A request counts as accepted once it has arrived completely.
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
