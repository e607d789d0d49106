import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { formatFloat32 } from "../lib/math/float32.js";
import { loadTokenizer } from "../lib/text/tokenizer.js";
import { type Running, startCommand, waitForAddress } from "./commands.js";
import { meanScore } from "./graphs.js";
import { publishVersion, writeRepository } from "./repositories.js";

let folder: string;
const running: Running[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "serving-"));
  writeRepository(folder);
});
afterAll(() => {
  for (const { child } of running) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

async function start(service: string, ...argv: string[]) {
  const started = startCommand([service, "--repository", folder, "--port", "0", ...argv]);
  running.push(started);
  return { ...started, address: await waitForAddress(started) };
}

async function predict(address: string, text: string) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${address}/predict`, { method: "POST", headers, body: JSON.stringify({ text }) });
  return { status: answer.status, body: await answer.text() };
}

it("gives the same scores through an inference server as in the api's own process, and says when the server is gone", async () => {
  const inference = await start("inference", "--metrics-port", "0");
  const [through, alone] = await Promise.all([
    start("api", "--inference", inference.address, "--timeout", "3000", "--cache-size", "10"),
    start("api"),
  ]);
  for (const text of ["the cat sat on the mat", "a", "The cat sat. ".repeat(40), "\ud800 the mat"]) {
    const answer = await predict(through.address, text);
    expect(answer.status).toBe(200);
    expect(answer).toEqual(await predict(alone.address, text));
  }
  inference.child.kill("SIGTERM");
  expect((await inference.finished).code).toBe(0);
  expect((await predict(through.address, "the cat sat on the mat")).status).toBe(200); // remembered
  const gone = await predict(through.address, "another text");
  expect(gone.status).toBeGreaterThanOrEqual(502);
  expect(JSON.parse(gone.body)).toHaveProperty("code");
  expect((await fetch(`${through.address}/ready`)).status).toBe(503);
  expect((await fetch(`${through.address}/alive`)).status).toBe(200);
});

it("takes up a version that is published while it runs, in every service", async () => {
  const poll = ["--repository-poll-secs", "0.2"];
  const inference = await start("inference", "--metrics-port", "0", ...poll);
  const apis = await Promise.all([start("api", "--inference", inference.address, ...poll), start("api", ...poll)]);
  const text = "a cat";
  const { folder: version } = publishVersion(folder, 2);
  const expected = `["${text}",${formatFloat32(meanScore(loadTokenizer(version).encode(text), 2))}]`;
  for (const { address, log } of apis) {
    while ((await predict(address, text)).body !== expected) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(log()).toContain("readability, version 2 replaces version 1");
  }
  expect(inference.log()).toContain("readability, version 2 replaces version 1");
});
