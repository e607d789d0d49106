import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";

/**
 * Makes `app.close()` refuse new connections at once, answer the requests that came before, and then end every connection. Left to
 * itself it would wait for clients that keep theirs, and for ever for one on which no request comes.
 * @param longest milliseconds an accepted request may take; whoever is still sending then is cut off.
 */
export function addDrain(app: FastifyInstance, longest: number): void {
  let inFlight = 0;
  let closing = false;
  let finish = () => {};
  app.addHook("onRequest", (_, reply, done) => {
    inFlight++;
    reply.raw.once("close", () => {
      if (--inFlight === 0) finish();
    });
    done();
  });
  app.addHook("onSend", (_, reply, _payload, done) => {
    if (closing) reply.header("connection", "close");
    done();
  });
  app.addHook("preClose", async () => {
    closing = true;
    app.server.close();
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
      if (inFlight === 0) resolve();
    });
    await Promise.race([finished, sleep(longest, undefined, { ref: false })]);
    app.server.closeAllConnections();
  });
}
