import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { describeModel } from "../../lib/protocol/model-metadata.js";
import { encodeResponse } from "../../lib/protocol/response.js";
import type { Model } from "../../lib/serving/model.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { keepLog, until } from "../../test/fakes.js";
import { crashGraph, meanScore } from "../../test/graphs.js";
import { publishVersion } from "../../test/repositories.js";
import { connectSource, openSource } from "./source.js";

let repository: string;
const closers: (() => unknown)[] = [];
beforeEach(() => {
  repository = join(mkdtempSync(join(tmpdir(), "source-")), "models");
  publishVersion(repository, 1);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(join(repository, ".."), { recursive: true, force: true });
});

/** A server whose texts score their version's number, and refuse as Triton does of versions it has not, or has unloaded. */
async function startServer(...versions: number[]) {
  const inputs = ["input_ids", "attention_mask", "token_type_ids"];
  const served = new Set(versions);
  const refusals: number[] = [];
  const server = createServer((request, response) => {
    const [, version, action] = /versions\/(\d+)(?:\/(\w+))?$/.exec(request.url!)!;
    if (action === "ready") return void response.writeHead(served.has(Number(version)) ? 200 : 400).end();
    if (!served.has(Number(version))) {
      const [status, state] = refusals.length % 2 ? [404, "found"] : [503, "at ready state"];
      refusals.push(status as number);
      const error = `Request for unknown model: 'readability' version ${version} is not ${state}`;
      return void response.writeHead(status as number).end(JSON.stringify({ error }));
    }
    if (action === undefined) return void response.end(JSON.stringify(describeModel("readability", Number(version), inputs)));
    const message = encodeResponse({ model: "readability", version: version!, logits: Float32Array.of(Number(version)) }, "binary");
    response.writeHead(200, message.headers).end(message.body);
  }).listen(0, "127.0.0.1");
  closers.push(() => server.close());
  await once(server, "listening");
  return { served, refusals, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function connect(url: string) {
  const source = await connectSource({ repository, timeout: 5000, log: keepLog().log }, url);
  closers.push(source.close);
  return source;
}

const scheduler = createScheduler();
const score = ({ engine, tokenizer }: Model) => scheduler.score(engine, tokenizer.encode("a cat"));

it("waits for a server with the newest version, and takes an older one that it serves", async () => {
  publishVersion(repository, 2);
  const { url, served } = await startServer();
  const source = await connect(url);
  await source.poll();
  expect([source.current.name, await source.ready()]).toEqual(["readability, version 2", false]);
  served.add(1);
  await source.poll();
  expect([source.current.name, await source.ready(), await source.use(score)]).toEqual(["readability, version 1", true, 1]);
  served.add(2);
  await source.poll();
  expect(await source.use(score)).toBe(2);
});

it("does the work again with the successor of a version that is gone, its tokenizer too", async () => {
  const { url, served, refusals } = await startServer(1);
  const source = await connect(url);
  const old = source.current;
  publishVersion(repository, 2);
  served.add(2).delete(1);
  const used: Model[] = [];
  const scores = [1, 2, 3].map(() =>
    source.use((model) => {
      used.push(model);
      return score(model);
    }),
  );
  expect(await Promise.all(scores)).toEqual([2, 2, 2]);
  expect([used.slice(0, 3), used.length, refusals.length]).toEqual([[old, old, old], 6, 3]);
  expect(source.current.tokenizer).not.toBe(old.tokenizer);
});

it("tries a while where nothing is served, and then says so", async () => {
  const { url, served, refusals } = await startServer();
  const source = await connect(url);
  await expect(source.use(score)).rejects.toMatchObject({
    code: "not-served",
    status: 503,
    message: expect.stringMatching("unknown model"),
  });
  expect(refusals).toEqual([503, 404, 503, 404, 503]);
  const late = source.use(score);
  await until(() => refusals.length === 6);
  served.add(1);
  expect(await late).toBe(1);
});

it("passes other failures on", async () => {
  const { url } = await startServer(1);
  const source = await connect(url);
  let calls = 0;
  const fail = async () => {
    calls += 1;
    throw new Error("broken");
  };
  await expect(source.use(fail)).rejects.toThrow("broken");
  expect(calls).toBe(1);
});

it("opens the newest version in this process, and the next once what the last but one was used for is done", async () => {
  const source = await openSource({ repository, log: keepLog().log });
  closers.push(source.close);
  const first = source.current;
  expect(await source.use(score)).toBe(meanScore(first.tokenizer.encode("a cat"), 1));
  let finish = () => {};
  const used = source.use(async (model) => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    return score(model);
  });
  publishVersion(repository, 2);
  await source.poll();
  publishVersion(repository, 3);
  const polling = source.poll();
  expect(source.current.name).toBe("readability, version 2");
  finish();
  expect(await used).toBe(meanScore(first.tokenizer.encode("a cat"), 1));
  await polling;
  expect(source.current.name).toBe("readability, version 3");
  await source.close();
  expect(() => source.current).toThrow("shutting down");
});

it("unloads a model that is taken away, says so until it is back, and keeps it while the repository cannot be read", async () => {
  const source = await openSource({ repository, log: keepLog().log });
  closers.push(source.close);
  renameSync(repository, `${repository}-aside`);
  await source.poll();
  expect([await source.ready(), source.current.name]).toEqual([true, "readability, version 1"]);
  renameSync(`${repository}-aside`, repository);
  renameSync(join(repository, "readability"), join(repository, "..", "aside"));
  await source.poll();
  expect(await source.ready()).toBe(false);
  expect(() => source.current).toThrow("The model is not ready");
  await expect(source.use(score)).rejects.toMatchObject({ code: "not-ready", status: 503 });
  renameSync(join(repository, "..", "aside"), join(repository, "readability"));
  await source.poll();
  expect([await source.ready(), source.current.name]).toEqual([true, "readability, version 1"]);
});

it("does not open a version that crashes the runtime, and keeps the one before", async () => {
  publishVersion(repository, 2, { graph: crashGraph() });
  const source = await openSource({ repository, log: keepLog().log });
  closers.push(source.close);
  expect(source.current.name).toBe("readability, version 1");
});

it("says what is wrong with a repository of which nothing opens", async () => {
  publishVersion(repository, 2, { graph: Buffer.from("broken") });
  rmSync(join(repository, "readability", "1"), { recursive: true });
  const options = { repository, timeout: 5000, log: keepLog().log };
  await expect(openSource(options)).rejects.toMatchObject({ code: "bad-graph" });
  rmSync(join(repository, "readability"), { recursive: true });
  await expect(connectSource(options, "http://127.0.0.1:9")).rejects.toMatchObject({ code: "no-file" });
});
