import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { networkInterfaces } from "node:os";
import { fastify } from "fastify";
import { expect, it } from "vitest";
import { until } from "../../test/fakes.js";
import { addDrain, listen } from "./listen.js";

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === "::1"));

it("listens on a free port and tells its address; refuses one that is taken", async () => {
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

it("listens on every address, and on those of IPv4 alone where the machine has no IPv6", async () => {
  for (const has of hasIpv6 ? [true, false] : [false]) {
    const app = fastify();
    app.get("/", async () => "here");
    const address = await listen(app, { host: "::", port: 0 }, async () => has);
    expect(address).toMatch(/^http:\/\/localhost:\d+$/);
    expect((app.server.address() as AddressInfo).address).toBe(has ? "::" : "0.0.0.0");
    expect((await fetch(address.replace("localhost", "127.0.0.1"))).status).toBe(200);
    await app.close();
  }
});

it.skipIf(!hasIpv6)("prints an address of IPv6 in brackets", async () => {
  const app = fastify();
  expect(await listen(app, { host: "::1", port: 0 })).toMatch(/^http:\/\/\[::1\]:\d+$/);
  await app.close();
});

it("closes once what was accepted is answered, also where a client keeps its connection or never sends all", async () => {
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
