import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { connectPredict } from "./predict-client.js";

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function serve(status: number, body: string) {
  server = createServer((_, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return connectPredict(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { timeout: 5 });
}

it.each([
  [200, '["a",-0.5]', { status: 200, score: -0.5 }],
  [200, '["b",-0.5]', { status: 200, problem: "answer has a different text" }],
  [200, '["a"]', { status: 200, problem: "answer is not [text, number]" }],
  [503, '{"code":"overloaded"}', { status: 503, problem: "answered 503 Service Unavailable", code: "overloaded" }],
  [502, "<html>", { status: 502, problem: "answered 502 Bad Gateway" }],
])("reads %i %s", async (status, body, answer) => {
  const client = await serve(status, body);
  expect(await client.predict("a")).toEqual({ ...answer, bytes: Buffer.byteLength(body) });
  await client.close();
});

it("throws if no response arrives, or with the reason of a signal", async () => {
  const client = await serve(200, "");
  await expect(client.predict("a", AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await expect(client.predict("a")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await client.destroy();
});
