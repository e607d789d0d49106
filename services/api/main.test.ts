import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatFloat32 } from "../../lib/math/float32.js";
import { describeModel } from "../../lib/protocol/model-metadata.js";
import type { ModelVersion } from "../../lib/repository/repository.js";
import { readTextHere } from "../../lib/serving/reading.js";
import { loadTokenizer } from "../../lib/text/tokenizer.js";
import { combineScores } from "../../lib/text/windows.js";
import { type Running, runCommand, startCommand, waitForAddress } from "../../test/commands.js";
import { until } from "../../test/fakes.js";
import { meanScore, slowGraph } from "../../test/graphs.js";
import { writeRepository } from "../../test/repositories.js";

let folder: string;
let repository: string;
const text = "the cat sat on the mat";
let expected: string;
let version: ModelVersion;
const running: Running[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "api-"));
  repository = join(folder, "repository");
  version = writeRepository(repository);
  expected = `["${text}",${formatFloat32(meanScore(loadTokenizer(version.folder).encode(text)))}]`;
});
afterAll(() => {
  for (const { child } of running) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

function start(...argv: string[]): Running {
  const started = startCommand(["api", "--port", "0", ...argv]);
  running.push(started);
  return started;
}

const post = (address: string) =>
  fetch(`${address}/predict`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ text }) });

async function inFlight(address: string): Promise<number> {
  const metrics = await (await fetch(`${address}/metrics`)).text();
  return Number(/^readability_api_in_flight (\d+)$/m.exec(metrics)![1]);
}

describe("readability api", () => {
  it.each(["in its own process", "through an inference server"])(
    "reads long texts on another thread, and says what a score means, %s",
    async (how) => {
      const service =
        how === "in its own process"
          ? undefined
          : startCommand(["inference", "--repository", repository, "--port", "0", "--metrics-port", "0"]);
      if (service) running.push(service);
      const api = start("--repository", repository, ...(service ? ["--inference", await waitForAddress(service)] : []));
      const address = await waitForAddress(api);
      const post = async (path: string, body: object) => {
        const answer = await fetch(address + path, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        });
        return (await answer.json()) as Record<string, unknown>;
      };
      const long = "The cat sat on the mat. Then it\nsat on the ﬁsh! ".repeat(500);
      const { windows } = readTextHere({ tokenizer: loadTokenizer(version.folder), maxLength: version.metadata.max_length }, long, {});
      const { score, ...counts } = combineScores(
        windows,
        windows.ids.map((ids) => meanScore(Array.from(ids))),
      );
      const shortest = Number(formatFloat32(score));
      expect(await post("/predict", { text: long })).toEqual([long, shortest]);
      expect(await post("/v1/score", { text: long, formulas: true })).toEqual({
        ...{ score: shortest, interval: null, percentile: null, grade: null, ...counts },
        ...{
          warnings: [{ code: "repeated", message: expect.any(String) }],
          formulas: expect.any(Object),
          model: "readability",
          version: 1,
        },
      });
      const { sentences } = await post("/v1/score", { text: "The cat sat.  It sat on the mat.", sentences: true });
      expect(sentences).toEqual([
        { start: 0, end: 12, effect: expect.any(Number) },
        { start: 14, end: 32, effect: expect.any(Number) },
      ]);
      expect(await post("/v1/score", { texts: ["\u0301"], sentences: true })).toMatchObject({
        results: [{ error: { code: "empty-text" } }],
      });
      expect(await (await fetch(`${address}/v1/models`)).json()).toMatchObject({ models: [{ model: "readability", version: 1 }] });
      api.child.kill("SIGTERM");
      expect((await api.finished).code).toBe(0);
      service?.child.kill("SIGTERM");
    },
  );

  it("serves a repository in its own process until it is told to stop", async () => {
    const api = start("--repository", repository);
    const address = await waitForAddress(api);
    const answer = await post(address);
    expect([answer.status, answer.headers.get("content-type"), await answer.text()]).toEqual([200, "application/json", expected]);
    expect(await (await fetch(`${address}/alive`)).text()).toBe("true");
    expect((await fetch(`${address}/ready`)).status).toBe(200);
    api.child.kill("SIGTERM");
    const { code, stderr } = await api.finished;
    expect(code).toBe(0);
    expect(stderr).not.toContain(text);
  });

  it.each(["SIGTERM", "SIGINT"] as const)("answers what it has accepted when %s comes", async (signal) => {
    const slow = join(folder, `slow-${signal}`);
    writeRepository(slow, { graph: slowGraph(60), metadata: { reference: { tolerance: 1e9, texts: [{ text, score: 0 }] } } });
    const api = start("--repository", slow);
    const address = await waitForAddress(api);
    const accepted = post(address);
    while ((await inFlight(address)) < 2) await new Promise((resolve) => setTimeout(resolve, 5)); // it, and the request for metrics
    api.child.kill(signal);
    expect(await (await accepted).text()).toBe(expected);
    expect((await api.finished).code).toBe(0);
  });

  it("is alive without its inference server, and not ready", async () => {
    const api = start("--repository", repository, "--inference", "http://127.0.0.1:9");
    await until(() => /is listening; the inference server at http:\/\/127\.0\.0\.1:9 does not respond yet/.test(api.log()));
    const address = /http:\/\/localhost:\d+/.exec(api.log())![0];
    expect((await fetch(`${address}/alive`)).status).toBe(200);
    const ready = await fetch(`${address}/ready`);
    expect([ready.status, ready.headers.get("retry-after")]).toEqual([503, "1"]);
    api.child.kill("SIGTERM");
    expect((await api.finished).code).toBe(0);
  });

  it("refuses an inference server whose model is another one", async () => {
    const description = JSON.stringify(describeModel("readability", 1, ["input_ids"]));
    const server = createServer((_, response) => response.end(description));
    await once(server.listen(0, "127.0.0.1"), "listening");
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, stderr } = await runCommand(["api", "--port", "0", "--repository", repository, "--inference", address]);
    server.close();
    expect([code, stderr]).toEqual([1, expect.stringContaining("attention_mask of its inputs is missing, expected INT64 [-1,-1]")]);
  });

  it("says what is wrong with how it was called", async () => {
    const missing = await runCommand(["api", "--repository", join(folder, "nowhere")]);
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining("nowhere not found: expected a model repository")]);
    const scheme = await runCommand(["api", "--inference", "localhost:8000"]);
    expect([scheme.code, scheme.stderr]).toEqual([2, expect.stringContaining("must be an address such as http://localhost:8000")]);
    const first = start("--repository", repository);
    const port = new URL(await waitForAddress(first)).port;
    const second = await runCommand(["api", "--repository", repository, "--port", port]);
    expect([second.code, second.stderr]).toEqual([1, expect.stringMatching(`Cannot listen on (\\[::\\]|0\\.0\\.0\\.0):${port}`)]);
  });
});
