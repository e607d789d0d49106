import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { fastify } from "fastify";
import { expect, it } from "vitest";
import { until } from "../../test/fakes.js";
import { addDrain, listen } from "./listen.js";

it("listens on a free port and returns its address; refuses a port in use", async () => {
  const app = fastify();
  const address = await listen(app, { host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  expect(address).toBe(`http://127.0.0.1:${port}`);
  const other = fastify();
  await expect(listen(other, { host: "127.0.0.1", port })).rejects.toMatchObject({
    code: "cannot-listen",
    message: expect.stringContaining(`:${port}`),
  });
  await other.close();
  await app.close();
});

it("closes after answering the accepted requests, even if a client keeps its connection or never completes its request", async () => {
  const app = fastify();
  addDrain(app);
  let answer: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let begun = 0;
  app.addHook("onRequest", async () => {
    begun += 1;
  });
  let accepted = 0;
  app.post("/", async (request) => {
    accepted += 1;
    await held;
    return request.body;
  });
  await listen(app, { host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const open = async (data: string) => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.write(data);
    let text = "";
    socket.on("data", (part) => {
      text += part;
    });
    socket.on("error", () => {}); // a cut connection is reset
    return new Promise<string>((resolve) => socket.on("close", () => resolve(text)));
  };
  const head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n";
  const connections = Promise.all([open(`${head}true`), open(`${head}tr`), open("")]);
  await until(() => begun === 2 && accepted === 1);
  const closed = app.close();
  await until(() => !app.server.listening);
  answer();
  await closed;
  const [whole, half, none] = await connections;
  expect(whole).toMatch(/^HTTP\/1.1 200 [\s\S]*connection: close[\s\S]*true$/);
  expect([half, none]).toEqual(["", ""]);
});
