import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resolveBase } from "./hub.js";

const name = "team/tiny-model";
const commit = "0123456789abcdef0123456789abcdef01234567";
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const weights = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));
const small = { "config.json": "{}", "tokenizer.json": '{"a":1}', "vocab.txt": "a\nb\n", "README.md": "not needed" };

/** A hub: what it has, and how it misbehaves. */
interface Hub {
  readonly endpoint: string;
  readonly requests: {
    readonly method: string;
    readonly url: string;
    readonly host: string;
    readonly range?: string;
    readonly token?: string;
  }[];
  files: Record<string, string | Buffer>;
  hash: string;
  /** Answers instead, by path; first come, first served. */
  readonly answers: { readonly path: RegExp; readonly answer: (response: ServerResponse, bytes: Buffer) => void }[];
  token: string | undefined;
  ranges: boolean;
}

const servers: Server[] = [];
let folder: string;
let hub: Hub;

async function listen(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(handle);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Two servers, as there: one for the interface and small files, one for storage, to which large files redirect. */
async function startHub(): Promise<Hub> {
  const record = ({ method, url, headers }: IncomingMessage) => {
    const { range, authorization } = headers;
    const seen = {
      method: method!,
      url: url!,
      host: headers.host!,
      ...(range && { range }),
      ...(authorization && { token: authorization }),
    };
    hub.requests.push(seen);
    return hub.answers.findIndex(({ path }) => path.test(`${method} ${url}`));
  };
  const misbehave = (index: number, response: ServerResponse, bytes: Buffer) => hub.answers.splice(index, 1)[0]!.answer(response, bytes);
  const storage = await listen((request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const index = record(request);
    if (index >= 0) return misbehave(index, response, weights.subarray(from));
    if (request.method === "HEAD") return response.writeHead(403).end(); // signed for GET alone
    if (from === 0 || !hub.ranges) return response.writeHead(200, { "content-length": weights.length }).end(weights);
    if (from >= weights.length) return response.writeHead(416).end();
    const headers = { "content-range": `bytes ${from}-${weights.length - 1}/${weights.length}`, "content-length": weights.length - from };
    return response.writeHead(206, headers).end(weights.subarray(from));
  });
  const endpoint = await listen((request, response) => {
    const index = record(request);
    if (index >= 0) return misbehave(index, response, Buffer.alloc(0));
    if (hub.token !== undefined && request.headers.authorization !== `Bearer ${hub.token}`) return response.writeHead(401).end();
    const file = request.url!.split("/").at(-1)!;
    if (request.url === `/api/models/${name}/revision/main`)
      return response.end(JSON.stringify({ sha: commit, siblings: Object.keys(hub.files).map((rfilename) => ({ rfilename })) }));
    const bytes = hub.files[file];
    if (request.url !== `/${name}/resolve/${commit}/${file}` || bytes === undefined) return response.writeHead(404).end();
    if (file === "model.safetensors") {
      const linked = { "x-linked-etag": `"${hub.hash}"`, "x-linked-size": weights.length, etag: '"of-the-redirect"' };
      return response.writeHead(302, { location: `${storage}/blob?signed`, ...linked }).end();
    }
    return response.writeHead(200, { etag: `W/"${file}-tag"`, "content-length": bytes.length }).end(request.method === "HEAD" ? "" : bytes);
  });
  return {
    endpoint,
    requests: [],
    files: { ...small, "model.safetensors": weights },
    hash: sha256(weights),
    answers: [],
    token: undefined,
    ranges: true,
  };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "hub-"));
  hub = await startHub();
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const quiet = { progress: () => ({ update() {}, stop() {} }), pause: 1 };
const resolve = (env: NodeJS.ProcessEnv = {}, base = name) =>
  resolveBase(base, { env: { HF_HOME: folder, HF_ENDPOINT: `${hub.endpoint}/`, ...env }, ...quiet });
const cache = () => join(folder, "hub", "models--team--tiny-model");
const snapshot = () => join(cache(), "snapshots", commit);
const cutAfter = (bytes: number) => (response: ServerResponse, body: Buffer) => {
  response.writeHead(200, { "content-length": body.length }).write(body.subarray(0, bytes), () => setTimeout(() => response.destroy(), 20));
};
const answerWith =
  (status: number, headers: Record<string, string | number> = {}) =>
  (response: ServerResponse) => {
    response.writeHead(status, headers).end();
  };

describe("a hub name", () => {
  it("is downloaded into the cache, only the files needed, and later read from there", async () => {
    expect(await resolve()).toBe(snapshot());
    expect(readdirSync(snapshot()).sort()).toEqual(["config.json", "model.safetensors", "tokenizer.json", "vocab.txt"]);
    expect(readFileSync(join(snapshot(), "model.safetensors")).equals(weights)).toBe(true);
    expect(readFileSync(join(snapshot(), "vocab.txt"), "utf8")).toBe(small["vocab.txt"]);
    expect(readFileSync(join(cache(), "refs", "main"), "utf8")).toBe(commit);
    expect(readdirSync(join(cache(), "blobs")).sort()).toEqual(["config.json-tag", hub.hash, "tokenizer.json-tag", "vocab.txt-tag"].sort());
    if (process.platform !== "win32") expect(lstatSync(join(snapshot(), "model.safetensors")).isSymbolicLink()).toBe(true);
    const asked = hub.requests.length;
    expect(await resolve()).toBe(snapshot());
    expect(await resolve({ HF_HUB_OFFLINE: "1", HF_ENDPOINT: "http://127.0.0.1:1" })).toBe(snapshot());
    expect(hub.requests).toHaveLength(asked);
  });

  it("is looked for in HF_HUB_CACHE before HF_HOME", async () => {
    expect(await resolve({ HF_HUB_CACHE: join(folder, "other") })).toBe(
      join(folder, "other", "models--team--tiny-model", "snapshots", commit),
    );
  });

  it("is completed if the cache lacks a file, without downloading the rest again", async () => {
    await resolve();
    rmSync(join(snapshot(), "tokenizer.json"));
    hub.requests.length = 0;
    expect(await resolve()).toBe(snapshot());
    expect(existsSync(join(snapshot(), "tokenizer.json"))).toBe(true);
    expect(hub.requests.filter(({ method, url }) => method === "GET" && !url.startsWith("/api"))).toEqual([]);
  });

  it("resumes after a broken connection, within a run", async () => {
    hub.answers.push({ path: /^GET \/blob/, answer: cutAfter(100_000) });
    await resolve();
    expect(readFileSync(join(snapshot(), "model.safetensors")).equals(weights)).toBe(true);
    const ranges = hub.requests.filter(({ url }) => url.startsWith("/blob")).map(({ range }) => range);
    expect(ranges).toEqual([undefined, "bytes=100000-"]);
  });

  it("resumes where another run ended", async () => {
    mkdirSync(join(cache(), "blobs"), { recursive: true });
    writeFileSync(join(cache(), "blobs", `${hub.hash}.incomplete`), weights.subarray(0, 123_456));
    await resolve();
    expect(readFileSync(join(snapshot(), "model.safetensors")).equals(weights)).toBe(true);
    expect(hub.requests.find(({ url }) => url.startsWith("/blob"))?.range).toBe("bytes=123456-");
    expect(readdirSync(join(cache(), "blobs")).filter((file) => file.endsWith(".incomplete"))).toEqual([]);
  });

  it.each([
    ["the storage knows no ranges", 1000, false],
    ["more is there than the file has", weights.length + 5, true],
  ])("starts over where %s", async (_, have, ranges) => {
    hub.ranges = ranges;
    mkdirSync(join(cache(), "blobs"), { recursive: true });
    writeFileSync(join(cache(), "blobs", `${hub.hash}.incomplete`), Buffer.alloc(have, 1));
    await resolve();
    expect(readFileSync(join(snapshot(), "model.safetensors")).equals(weights)).toBe(true);
  });

  it("is refused and deleted if the sha256 differs", async () => {
    hub.hash = sha256(Buffer.from("another"));
    await expect(resolve()).rejects.toThrow(
      /model\.safetensors of team\/tiny-model was damaged in transit: its sha256 is \w{64}, expected \w{64}.*--base DIR/,
    );
    expect(readdirSync(join(cache(), "blobs")).filter((file) => file.startsWith(hub.hash))).toEqual([]);
    expect(existsSync(join(cache(), "refs"))).toBe(false);
    await expect(resolve()).rejects.toThrow(/damaged/);
  });

  it("sends the token only to the hub, not to the storage it redirects to", async () => {
    hub.token = "secret";
    await resolve({ HF_TOKEN: "secret" });
    const storage = hub.requests.filter(({ url }) => url.startsWith("/blob"));
    expect(storage).toHaveLength(1);
    expect(storage[0]).not.toHaveProperty("token");
    for (const { url, token } of hub.requests) if (!url.startsWith("/blob")) expect(token).toBe("Bearer secret");
  });

  it("is found behind a redirect on the hub, as old names are", async () => {
    hub.token = "secret";
    hub.answers.push({
      path: /^GET \/api\/models\/old-team\/old-name/,
      answer: answerWith(307, { location: `/api/models/${name}/revision/main` }),
    });
    for (const file of ["config.json", "tokenizer.json", "vocab.txt", "model.safetensors"])
      for (const method of ["HEAD", "GET"])
        hub.answers.push({
          path: new RegExp(`^${method} /old-team/old-name/.*${file}`),
          answer: answerWith(307, { location: `/${name}/resolve/${commit}/${file}` }),
        });
    expect(await resolve({ HF_TOKEN: "secret" }, "old-team/old-name")).toBe(
      join(folder, "hub", "models--old-team--old-name", "snapshots", commit),
    );
  });

  it("is asked for again after a server's error", async () => {
    hub.answers.push({ path: /^GET \/api/, answer: answerWith(503) }, { path: /^HEAD .*config/, answer: answerWith(429) });
    hub.answers.push({ path: /^GET \/blob/, answer: answerWith(500) }, { path: /^GET \/blob/, answer: (response) => response.destroy() });
    expect(await resolve()).toBe(snapshot());
  });

  it("is asked for again no sooner than the server asks", async () => {
    hub.answers.push({ path: /^GET \/api/, answer: answerWith(429, { "retry-after": 1 }) });
    const began = performance.now();
    expect(await resolve()).toBe(snapshot());
    expect(performance.now() - began).toBeGreaterThan(990);
  });

  it.each([
    [401, /refused team\/tiny-model \(HTTP 401\).*does not exist or is private.*HF_TOKEN.*--base DIR/],
    [403, /HTTP 403.*gated.*Accept its terms at http.*\/team\/tiny-model/],
    [404, /HTTP 404.*Check the name/],
    [400, /Cannot download team\/tiny-model from http.*HTTP 400.*--base DIR/],
  ])("tells what to do about HTTP %i, at once", async (status, message) => {
    hub.answers.push({ path: /^GET \/api/, answer: answerWith(status) });
    await expect(resolve()).rejects.toThrow(message);
    expect(hub.requests).toHaveLength(1);
  });

  it("gives up on a server that keeps failing", async () => {
    for (let i = 0; i < 10; i++) hub.answers.push({ path: /^GET \/api/, answer: answerWith(502) });
    await expect(resolve()).rejects.toThrow(/HTTP 502/);
    expect(hub.requests).toHaveLength(6);
  });

  it("is refused if the model has no safetensors", async () => {
    hub.files = { "config.json": "{}", "tokenizer.json": "{}", "pytorch_model.bin": "x" };
    await expect(resolve()).rejects.toThrow(
      /has no model\.safetensors on the hub; found config\.json, tokenizer\.json, pytorch_model\.bin.*save_pretrained/,
    );
  });

  it("is refused if the server is not a hub", async () => {
    hub.answers.push({ path: /^GET \/api/, answer: (response) => response.end("<html>") });
    await expect(resolve()).rejects.toThrow(/Cannot download .*did not answer as a Hugging Face hub/);
    hub.answers.push({ path: /^GET \/api/, answer: (response) => response.end('{"sha":"../../x","siblings":[]}') });
    await expect(resolve()).rejects.toThrow(/did not answer as a Hugging Face hub/);
  });

  it("names the files to provide if there is no network", async () => {
    const message =
      /Cannot download team\/tiny-model from http.*not cached in .*models--team--tiny-model.*config\.json, model\.safetensors, tokenizer\.json.*--base DIR/;
    await expect(resolve({ HF_ENDPOINT: "http://127.0.0.1:1" })).rejects.toThrow(message);
    await expect(resolve({ HF_HUB_OFFLINE: "1" })).rejects.toThrow(/HF_HUB_OFFLINE is set/);
    expect(hub.requests).toEqual([]);
    await expect(resolve({ HF_ENDPOINT: "nowhere" })).rejects.toThrow(/HF_ENDPOINT is not a valid address/);
  });

  it("reports a cache that cannot be written", async () => {
    writeFileSync(join(folder, "hub"), "a file");
    await expect(resolve()).rejects.toThrow(/Cannot write .*hub/);
  });
});

describe("a folder", () => {
  it("is used unchanged", async () => {
    for (const file of ["config.json", "tokenizer.json", "model.safetensors"]) writeFileSync(join(folder, file), "");
    expect(await resolve({}, folder)).toBe(folder);
    if (process.platform !== "win32") {
      symlinkSync(folder, join(folder, "link"));
      expect(await resolve({}, join(folder, "link"))).toBe(join(folder, "link"));
    }
    expect(hub.requests).toEqual([]);
  });

  it("is refused without weights", async () => {
    writeFileSync(join(folder, "config.json"), "{}");
    await expect(resolve({}, folder)).rejects.toThrow(/is not a checkpoint: tokenizer\.json, model\.safetensors missing\. Add/);
  });

  it("is refused if it does not exist and is not a hub name", async () => {
    for (const base of [join(folder, "none"), "./none", "../none", "a/b/c", "", "a b", "nosuchdir", "models/none", "./a/b"])
      await expect(resolve({}, base)).rejects.toThrow(/neither a folder nor a hub name/);
    expect(hub.requests).toEqual([]);
  });

  it("is refused where it is a file, such as the weights in it", async () => {
    const file = join(folder, "model.safetensors");
    writeFileSync(file, "");
    await expect(resolve({}, file)).rejects.toThrow(
      `${file} is a file, not a folder: expected a checkpoint. Choose a folder or a hub name with --base.`,
    );
    expect(hub.requests).toEqual([]);
  });
});
