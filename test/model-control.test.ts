import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ModelVersion } from "../lib/repository/repository.js";
import { openVersion } from "../lib/serving/open-version.js";
import { buildApp } from "../services/inference/app.js";
import { openModels } from "../services/inference/models.js";
import { serveEngine } from "../services/inference/served.js";
import { keepLog } from "./fakes.js";
import { publishVersion } from "./repositories.js";
import { startTriton } from "./triton.js";

const installed = process.env.TRITON_DIR;

let repository: string;
const closers: (() => unknown)[] = [];
beforeEach(() => {
  repository = join(mkdtempSync(join(tmpdir(), "control-")), "models");
  publishVersion(repository, 1);
  publishVersion(repository, 2);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(join(repository, ".."), { recursive: true, force: true });
});

type Mode = "explicit" | "none";

async function startOurs(mode: Mode): Promise<string> {
  const { log } = keepLog();
  const open = async (version: ModelVersion) =>
    serveEngine(version.model, version.version, await openVersion(version, { workers: 1, log }));
  const models = await openModels({ repository, mode, open, log });
  const app = buildApp({ models, timeout: 5000, bodyLimit: 1 << 20, log });
  await app.listen({ host: "127.0.0.1", port: 0 });
  closers.push(models.close, () => app.close());
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
}

async function startTheirs(mode: Mode): Promise<string> {
  const triton = await startTriton(installed!, repository, { "model-control-mode": mode });
  closers.push(triton.stop);
  return triton.url;
}

async function ask(url: string, path: string, body?: string) {
  const answer = await fetch(`${url}/v2/${path}`, body === undefined ? {} : { method: "POST", body });
  const text = await answer.text();
  return { status: answer.status, json: text === "" ? undefined : JSON.parse(text) };
}

describe.each([
  ["our server", startOurs],
  ["Triton", startTheirs],
] as const)("%s", { timeout: 180_000 }, (name, start) => {
  const test = it.skipIf(name === "Triton" && !installed);

  test("loads and unloads by request", async () => {
    const url = await start("explicit");
    const versions = async () => (await ask(url, "models/readability")).json.versions;
    const load = (action = "load", model = "readability") => ask(url, `repository/models/${model}/${action}`, "");
    const ready = async () => (await ask(url, "repository/index", '{"ready": true}')).json;

    expect(await ask(url, "repository/index", "")).toEqual({ status: 200, json: [{ name: "readability" }] });
    expect([(await ask(url, "health/ready")).status, (await ask(url, "models/readability")).status]).toEqual([200, 404]);
    expect(await load()).toEqual({ status: 200, json: undefined });
    expect([await versions(), await ready()]).toEqual([["2"], [{ name: "readability", version: "2", state: "READY" }]]);
    expect((await ask(url, "models/readability/versions/1")).status).toBe(404);

    publishVersion(repository, 3);
    expect(await versions()).toEqual(["2"]);
    expect([await load(), await versions()]).toEqual([{ status: 200, json: undefined }, ["3"]]);
    expect([(await ask(url, "models/readability/versions/2/ready")).status, (await ask(url, "models/readability/ready")).status]).toEqual([
      400, 200,
    ]);

    publishVersion(repository, 4, { graph: Buffer.from("broken") });
    const refused = await load();
    expect(refused.status).toBe(400);
    expect(refused.json.error).toMatch("load failed for model 'readability': version 4 is at UNAVAILABLE state: ");
    expect(await versions()).toEqual(["3"]);
    const index = (await ask(url, "repository/index", "")).json;
    expect(index.find(({ version }: { version: string }) => version === "4")).toMatchObject({
      state: "UNAVAILABLE",
      reason: expect.any(String),
    });

    expect(await load("unload")).toEqual({ status: 200, json: undefined });
    expect([await ready(), (await ask(url, "models/readability")).status, (await ask(url, "models/readability/ready")).status]).toEqual([
      [],
      404,
      400,
    ]);
    expect([(await load("load", "other")).status, (await load("unload", "other")).status]).toEqual([500, 200]);
  });

  test("does not load by request unless in explicit mode", async () => {
    const url = await start("none");
    for (const action of ["load", "unload"]) {
      const { status, json } = await ask(url, `repository/models/readability/${action}`, "");
      expect([status, json.error]).toEqual([
        503,
        expect.stringMatching("explicit model load / unload is not allowed if polling is enabled"),
      ]);
    }
    expect((await ask(url, "repository/models/readability/load")).status).toBe(405);
  });
});
