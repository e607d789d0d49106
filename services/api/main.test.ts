import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatFloat32 } from "../../lib/math/float32.js";
import { describeModel } from "../../lib/protocol/model-metadata.js";
import { loadTokenizer } from "../../lib/text/tokenizer.js";
import { type Running, runCommand, startCommand, waitForAddress } from "../../test/commands.js";
import { until } from "../../test/fakes.js";
import { meanScore, slowGraph } from "../../test/graphs.js";
import { writeRepository } from "../../test/repositories.js";

let folder: string;
let repository: string;
const text = "the cat sat on the mat";
let expected: string;
const running: Running[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "api-"));
  repository = join(folder, "repository");
  const version = writeRepository(repository);
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
