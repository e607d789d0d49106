import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { type FastifyInstance, fastify } from "fastify";
import { afterEach, expect, it } from "vitest";
import type { ReadabilityError } from "../errors/errors.js";
import { addBodies } from "./bodies.js";

const open: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

/** An app that answers a body with its length, and an error with its code. */
function build(bodyLimit = 1000, bodiesLimit?: number): FastifyInstance {
  const app = fastify({ bodyLimit });
  addBodies(app, { bodiesLimit, unknownEncoding: "unsupported-encoding" });
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error: ReadabilityError, _request, reply) => reply.code(error.status).send(error.code));
  app.post("/", async (request) => String((request.body as Buffer).length));
  open.push(app);
  return app;
}

const post = async (app: FastifyInstance, payload: Buffer, encoding: string) => {
  const headers = { "content-type": "application/octet-stream", "content-encoding": encoding };
  const { statusCode, body } = await app.inject({ method: "POST", url: "/", payload, headers });
  return [statusCode, body];
};

const zeros = Buffer.alloc(1000);

it.each([
  ["gzip", gzipSync(zeros)],
  ["x-gzip", gzipSync(zeros)],
  ["GZIP", gzipSync(zeros)],
  ["deflate", deflateSync(zeros)],
  ["br", brotliCompressSync(zeros)],
  ["identity", zeros],
])("reads a body in %s", async (encoding, body) => {
  expect(await post(build(), body, encoding)).toEqual([200, "1000"]);
});

it.each([
  ["another encoding", "zstd", zeros, 415, "unsupported-encoding"],
  ["what is not gzip", "gzip", zeros, 400, "bad-compression"],
  ["what is not brotli", "br", Buffer.alloc(100, 255), 400, "bad-compression"],
  ["gzip that ends early", "gzip", gzipSync(zeros).subarray(0, -9), 400, "bad-compression"],
  ["a long body", "identity", Buffer.alloc(1001), 413, "too-large"],
  ["a bomb in gzip", "gzip", gzipSync(Buffer.alloc(100_000)), 413, "too-large"],
  ["a bomb in br", "br", brotliCompressSync(Buffer.alloc(100_000)), 413, "too-large"],
  ["a bomb of 200 MB", "gzip", Buffer.concat(Array(200).fill(gzipSync(Buffer.alloc(1 << 20)))), 413, "too-large"],
])("refuses %s", async (_, encoding, body, status, code) => {
  expect(await post(build(), body, encoding)).toEqual([status, code]);
});

it.each(["Content-Length: 20000000", "Transfer-Encoding: chunked"])(
  "answers a client that is still sending, whatever it wants of its connection (%s)",
  async (framing) => {
    const app = build();
    await app.listen({ host: "127.0.0.1", port: 0 });
    const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
    let text = "";
    socket.on("data", (part) => {
      text += part;
    });
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: a/b\r\n${framing}\r\n\r\n`);
    const part = Buffer.alloc(1_000_000);
    const chunk = framing.startsWith("T") ? Buffer.concat([Buffer.from("f4240\r\n"), part, Buffer.from("\r\n")]) : part;
    // A connection that was reset would fail a write, and lose the answer.
    for (let i = 0; i < 20; i++)
      await new Promise<void>((resolve, reject) => socket.write(chunk, (error) => (error ? reject(error) : resolve())));
    while (!text.includes("too-large")) await once(socket, "data");
    expect(text).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  },
);

it("gives the room of a body back when it is answered, and when its client goes away", async () => {
  const app = build(200_000, 200_000);
  const body = Buffer.alloc(150_000);
  for (let i = 0; i < 4; i++) expect(await post(app, body, "identity")).toEqual([200, "150000"]);
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: 199000\r\n\r\n");
  socket.write(Buffer.alloc(190_000));
  while ((await post(app, body, "identity"))[0] === 200);
  expect(await post(app, body, "identity")).toEqual([503, "bodies-too-large"]);
  expect(await post(app, Buffer.alloc(60_000), "identity")).toEqual([200, "60000"]);
  socket.destroy();
  while ((await post(app, body, "identity"))[0] === 503);
});
