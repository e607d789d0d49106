import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { waitForAnswer } from "./wait.js";

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function serve(status: (asked: number) => number): Promise<string> {
  let asked = 0;
  server = createServer((_, response) => response.writeHead(status(++asked)).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test("it polls until the response is a success", async () => {
  let seen = 0;
  const url = await serve((asked) => {
    seen = asked;
    return asked < 3 ? 503 : 200;
  });
  expect(await waitForAnswer(url, 30, "Start it.")).toBe(true);
  expect(seen).toBe(3);
});

test("an address that does not answer in time is an error with the last response and a remedy", async () => {
  const url = await serve(() => 503);
  await expect(waitForAnswer(url, 0.3, "Start it.")).rejects.toMatchObject({ code: "no-answer", message: /HTTP 503.*Start it\./ });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await expect(waitForAnswer(url, 0, "Start it.")).rejects.toThrow("ECONNREFUSED");
});

test("a signal ends the waiting", async () => {
  const url = await serve(() => 503);
  const controller = new AbortController();
  const waiting = waitForAnswer(url, 3600, "", controller.signal);
  controller.abort();
  expect(await waiting).toBe(false);
});
