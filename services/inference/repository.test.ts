import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createLocalEngine } from "../../lib/serving/local-engine.js";
import { keepLog, until } from "../../test/fakes.js";
import { publishVersion } from "../../test/repositories.js";
import { fakeWorkers } from "../../test/workers.js";
import { buildApp } from "./app.js";
import { buildMetrics } from "./metrics.js";
import { type ModelsOptions, openModels } from "./models.js";
import { serveEngine } from "./served.js";

let repository: string;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  repository = join(mkdtempSync(join(tmpdir(), "repository-")), "models");
  publishVersion(repository, 1);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(join(repository, ".."), { recursive: true, force: true });
});

/** The app over models whose runs end when the test says so. */
async function build(mode: ModelsOptions["mode"]) {
  const fake = fakeWorkers();
  const { log, lines } = keepLog();
  const open: ModelsOptions["open"] = async ({ model, version }) =>
    serveEngine(model, version, await createLocalEngine({ graph: new Uint8Array(), workers: 1 }, fake.start));
  const models = await openModels({ repository, mode, open, log });
  const app = buildApp({ models, timeout: 5000, bodyLimit: 20_000, log });
  const metrics = buildMetrics(models);
  closers.push(
    models.close,
    () => app.close(),
    () => metrics.close(),
  );
  return { app, models, fake, lines, readMetrics: async () => (await metrics.inject("/metrics")).body };
}

async function post(app: FastifyInstance, path: string, payload = "") {
  const { statusCode, body } = await app.inject({ method: "POST", url: `/v2/${path}`, payload });
  return [statusCode, body === "" ? "" : JSON.parse(body)];
}

const score = (app: FastifyInstance, id: number, path = "models/readability/infer") => {
  const inputs = ["input_ids", "attention_mask", "token_type_ids"].map((name) => ({ name, datatype: "INT64", shape: [1, 1] }));
  return post(
    app,
    path,
    JSON.stringify({
      inputs: inputs.map((input) => ({ ...input, data: [input.name === "token_type_ids" ? 0 : input.name === "input_ids" ? id : 1] })),
    }),
  );
};

it("loads and unloads models when asked to, and answers first what was accepted", async () => {
  publishVersion(repository, 3, { model: "other" });
  const { app, fake } = await build("explicit");
  const ready = { name: "readability", version: "1", state: "READY" };
  expect(await post(app, "repository/index")).toEqual([200, [{ name: "other" }, { name: "readability" }]]);
  expect((await app.inject("/v2/health/ready")).statusCode).toBe(200);
  expect((await score(app, 8))[0]).toBe(404);
  expect(await post(app, "repository/models/readability/load", '{"parameters": {}}')).toEqual([200, ""]);
  expect(await post(app, "repository/index")).toEqual([200, [{ name: "other" }, ready]]);
  expect(await post(app, "repository/index", '{"ready": true}')).toEqual([200, [ready]]);

  const accepted = score(app, 8);
  await until(() => fake.ids().includes(8));
  expect(await post(app, "repository/models/readability/unload", '{"parameters": {"unload_dependents": true}}')).toEqual([200, ""]);
  expect(await post(app, "repository/index")).toEqual([200, [{ name: "other" }, { ...ready, state: "UNLOADING" }]]);
  expect((await score(app, 9))[0]).toBe(404);
  expect(fake.stopped).toHaveLength(0);
  await fake.finish(8);
  expect(await accepted).toEqual([200, expect.objectContaining({ model_version: "1" })]);
  await until(() => fake.stopped.length === 1);
  const unloaded = { ...ready, state: "UNAVAILABLE", reason: "unloaded" };
  expect(await post(app, "repository/index")).toEqual([200, [{ name: "other" }, unloaded]]);

  publishVersion(repository, 2);
  for (const model of ["readability", "readability", "other"]) expect((await post(app, `repository/models/${model}/load`))[0]).toBe(200);
  expect(await post(app, "repository/index")).toEqual([
    200,
    [
      { name: "other", version: "3", state: "READY" },
      { ...ready, version: "2" },
    ],
  ]);
  expect(fake.starts).toBe(3);
});

it("says what cannot be loaded, serves on, and tries again when asked again", async () => {
  const { app } = await build("explicit");
  await post(app, "repository/models/readability/load");
  publishVersion(repository, 2);
  const metadata = join(repository, "readability", "2", "metadata.json");
  renameSync(metadata, `${metadata}.aside`);
  const refused = "load failed for model 'readability': version 2 is at UNAVAILABLE state: .*metadata.json not found";
  for (let i = 0; i < 2; i++)
    expect(await post(app, "repository/models/readability/load")).toEqual([400, { error: expect.stringMatching(refused) }]);
  expect(await post(app, "repository/index")).toEqual([
    200,
    [
      { name: "readability", version: "1", state: "READY" },
      { name: "readability", version: "2", state: "UNAVAILABLE", reason: expect.stringContaining("metadata.json not found") },
    ],
  ]);
  expect((await app.inject("/v2/health/ready")).statusCode).toBe(200);
  renameSync(`${metadata}.aside`, metadata);
  expect(await post(app, "repository/models/readability/load")).toEqual([200, ""]);
  expect((await app.inject("/v2/models/readability")).json()).toMatchObject({ versions: ["2"] });
});

it.each([
  ["a model that is not there", "repository/models/other/load", "", 500, "failed to load 'other', failed to poll from model repository"],
  ["another configuration", "repository/models/readability/load", '{"parameters": {"config": "{}"}}', 400, "no parameters"],
  ["what is no JSON", "repository/models/readability/load", "{", 400, "The request is invalid"],
  ["an index of what is no JSON", "repository/index", "{", 400, "The request is invalid"],
  ["an index of another type", "repository/index", '{"ready": 5}', 400, "ready must be true or false, found 5"],
])("refuses to load %s", async (_, path, payload, status, message) => {
  const { app } = await build("explicit");
  expect(await post(app, path, payload)).toEqual([status, { error: expect.stringContaining(message) }]);
});

it("unloads what was never loaded, as Triton does", async () => {
  const { app } = await build("explicit");
  expect(await post(app, "repository/models/other/unload")).toEqual([200, ""]);
});

it.each(["poll", "none"] as const)("leaves loading to itself with %s", async (mode) => {
  const { app } = await build(mode);
  for (const action of ["load", "unload"])
    expect(await post(app, `repository/models/readability/${action}`)).toEqual([
      503,
      { error: expect.stringContaining("explicit model load / unload is not allowed if polling is enabled") },
    ]);
  expect((await app.inject("/v2/repository/models/readability/load")).statusCode).toBe(405);
});

it("serves models that appear, unloads those that go, and stays up without its repository", async () => {
  const { app, models, lines } = await build("poll");
  publishVersion(repository, 1, { model: "late" });
  await models.poll();
  expect((await app.inject("/v2/models/late")).statusCode).toBe(200);
  rmSync(join(repository, "readability"), { recursive: true });
  await models.poll();
  expect(await post(app, "repository/index")).toEqual([200, [{ name: "late", version: "1", state: "READY" }]]);
  expect((await app.inject("/v2/models/readability")).statusCode).toBe(404);
  expect((await app.inject("/v2/health/ready")).statusCode).toBe(200);
  renameSync(join(repository, "late"), `${repository}-late`);
  await models.poll();
  expect((await app.inject("/v2/health/ready")).statusCode).toBe(400);
  renameSync(`${repository}-late`, join(repository, "late"));
  await models.poll();
  renameSync(repository, `${repository}-aside`);
  for (let i = 0; i < 2; i++) await models.poll();
  expect((await app.inject("/v2/models/late/ready")).statusCode).toBe(200);
  expect(lines.filter((line) => line.includes("the loaded models stay in service"))).toHaveLength(1);
});

it("keeps the figures of a version until it is unloaded", async () => {
  const { app, models, fake, readMetrics } = await build("poll");
  const first = score(app, 8);
  await fake.finish(8);
  await first;
  const held = score(app, 9);
  await until(() => fake.ids().includes(9));
  publishVersion(repository, 2);
  await models.poll();
  const success = (version: number) => `nv_inference_request_success{model="readability",version="${version}"}`;
  const during = await readMetrics();
  expect(during).toContain(`${success(1)} 1`);
  expect(during).toContain(`${success(2)} 0`);
  expect((await app.inject("/v2/models/readability/versions/1/stats")).statusCode).toBe(400);
  expect((await app.inject("/v2/models/readability/stats")).json().model_stats).toMatchObject([{ version: "2", inference_count: 0 }]);
  await fake.finish(9);
  await held;
  await until(() => fake.stopped.length === 1);
  await models.poll();
  expect(await readMetrics()).not.toContain('version="1"');
});

it("has one version more than those served in memory at a time", async () => {
  const { app, models, fake } = await build("poll");
  const held = score(app, 8);
  await until(() => fake.ids().includes(8));
  publishVersion(repository, 2);
  await models.poll();
  publishVersion(repository, 3);
  const polling = models.poll();
  expect((await app.inject("/v2/models/readability")).json()).toMatchObject({ versions: ["2"] });
  expect(fake.starts).toBe(2);
  await fake.finish(8);
  await held;
  await polling;
  expect([fake.starts, (await app.inject("/v2/models/readability")).json().versions]).toEqual([3, ["3"]]);
});

it("starts on the version before where the newest is broken, and not where none can be loaded", async () => {
  publishVersion(repository, 2);
  writeFileSync(join(repository, "readability", "2", "metadata.json"), "{}");
  const { app, lines } = await build("none");
  expect((await app.inject("/v2/models/readability")).json()).toMatchObject({ versions: ["1"] });
  expect(lines.join()).toContain("version 2 cannot be loaded");
  rmSync(join(repository, "readability", "1"), { recursive: true });
  await expect(build("poll")).rejects.toMatchObject({ code: "bad-metadata" });
  rmSync(join(repository, "readability", "2"), { recursive: true });
  await expect(build("poll")).rejects.toMatchObject({ code: "no-file", message: expect.stringContaining("a version of the model") });
});
