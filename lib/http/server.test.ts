import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { pathToFileURL } from "node:url";
import { type FastifyInstance, fastify } from "fastify";
import { afterEach, expect, it } from "vitest";
import { compiled, root } from "../system/package-files.js";
import { addConnectionLimits, type ConnectionLimits, timeouts } from "./server.js";

const open: FastifyInstance[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(open.splice(0).map((app) => app.close()));
});

async function build(limits: ConnectionLimits): Promise<FastifyInstance> {
  const app = fastify(timeouts(limits));
  addConnectionLimits(app, limits);
  app.get("/", async () => "here");
  app.post("/", async () => "here");
  open.push(app);
  await app.listen({ host: "127.0.0.1", port: 0 });
  return app;
}

/** A connection that sends `data`. */
function send(app: FastifyInstance, data: string): Socket {
  const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => {}).resume();
  socket.write(data);
  sockets.push(socket);
  return socket;
}

const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

it("bounds the time of a request, of its headers, and between two requests", async () => {
  const app = await build({ keepAliveTimeout: 620 });
  const { requestTimeout, headersTimeout, keepAliveTimeout } = app.server;
  expect({ requestTimeout, headersTimeout, keepAliveTimeout }).toEqual({
    requestTimeout: 60_000,
    headersTimeout: 20_000,
    keepAliveTimeout: 620_000,
  });
});

it.each([
  ["nothing", ""],
  ["half of its headers", "POST / HTTP/1.1\r\nHost: x\r\n"],
  ["half of its body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n1"],
])("closes a connection that sends %s", async (_, data) => {
  const app = await build({});
  Object.assign(app.server, { headersTimeout: 50, requestTimeout: 100 });
  await once(send(app, data), "close");
});

it("closes the oldest connection that waits for its client where a new one needs its place", async () => {
  const app = await build({ maxConnections: 3 });
  const idle = send(app, get);
  await once(idle, "data");
  const silent = send(app, "");
  const half = send(app, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n1");
  await once(idle, "close");
  for (const waiting of [silent, half]) {
    await Promise.all([once(waiting, "close"), once(send(app, get), "data")]);
  }
});

// Only Linux says in /proc how many descriptors a process may have.
it.skipIf(process.platform !== "linux")("takes at most as many connections as half of its file descriptors", () => {
  const script = `
    import { fastify } from "fastify";
    import { addConnectionLimits } from ${JSON.stringify(pathToFileURL(compiled("lib/http/server")))};
    const app = fastify();
    addConnectionLimits(app, { maxConnections: 1000 });
    console.log(app.server.maxConnections);`;
  const command = `ulimit -n 200; exec "${process.execPath}" --input-type=module`;
  expect(execFileSync("sh", ["-c", command], { input: script, cwd: root, encoding: "utf8" })).toBe("100\n");
});
