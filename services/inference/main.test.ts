import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { connectServer } from "../../lib/protocol/client.js";
import { compiled } from "../../lib/system/package-files.js";
import { crashGraph, meanGraph, meanScore, slowGraph } from "../../test/graphs.js";
import { writeRepository } from "../../test/repositories.js";

const folder = mkdtempSync(join(tmpdir(), "inference-"));
beforeAll(() => {
  writeRepository(folder, { model: "quick", graph: meanGraph(1) });
  writeRepository(folder, { model: "quick", version: 2 });
  writeRepository(folder, { model: "slow", graph: slowGraph(5) });
  mkdirSync(join(folder, "empty"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** Starts the service; its lines come on standard error. */
function start(repository: string, ...argv: readonly string[]) {
  const child = spawn(
    process.execPath,
    [compiled("cli"), "inference", "--repository", repository, "--port", "0", "--metrics-port", "0", ...argv],
    {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, READABILITY_LOG_FORMAT: "json" },
    },
  );
  children.push(child);
  const exited = once(child, "exit");
  const lines: string[] = [];
  const reader = createInterface({ input: child.stderr }).on("line", (line) => lines.push(line));
  const ready = async () => {
    for (;;) {
      const line = lines.find((line) => line.includes("ready: "));
      if (line) return /ready: (?<url>\S+) \(metrics: (?<metrics>\S+)\)/.exec(line)!.groups as { url: string; metrics: string };
      await Promise.race([once(reader, "line"), exited.then(() => Promise.reject(new Error(lines.join("\n"))))]);
    }
  };
  return { child, exited, lines, ready };
}

it("serves the newest version of every model and, told to stop, answers first what it accepted", async () => {
  const service = start(folder, "--sessions", "1", "--host", "127.0.0.1");
  const { url, metrics } = await service.ready();
  const quick = connectServer(url, "quick");
  expect(await quick.score([3, 4])).toBe(meanScore([3, 4]));
  expect((await quick.metadata()).versions).toEqual(["2"]);

  const slow = connectServer(url, "slow");
  const texts = Array.from({ length: 20 }, (_, i) => [i, 2 * i]);
  const scores = Promise.all(texts.map((ids) => slow.score(ids)));
  const count = async (name: string) => {
    const text = await (await fetch(metrics)).text();
    return Number(new RegExp(`${name}\\{model="slow",version="1"\\} (\\d+)`).exec(text)![1]);
  };
  // One of them is in its run.
  while ((await count("nv_inference_request_success")) + (await count("nv_inference_pending_request_count")) < texts.length - 1);
  service.child.kill("SIGTERM");
  expect(await scores).toEqual(texts.map((ids) => meanScore(ids)));
  expect(await service.exited).toEqual([0, null]);
  await Promise.all([quick.close(), slow.close()]);
});

it("serves on when it is told to stop, but is not ready, for as long as load balancers need to notice", async () => {
  const service = start(folder, "--sessions", "1", "--host", "127.0.0.1", "--shutdown-delay", "2");
  const { url } = await service.ready();
  const ready = async () => (await fetch(`${url}/v2/health/ready`)).status;
  expect(await ready()).toBe(200);
  service.child.kill("SIGTERM");
  while ((await ready()) === 200);
  const quick = connectServer(url, "quick");
  expect(await quick.score([3, 4])).toBe(meanScore([3, 4]));
  expect(await service.exited).toEqual([0, null]);
  await quick.close();
});

it("starts on the version before one that crashes the runtime, lists that one, and survives another", async () => {
  const damaged = join(folder, "..", `${basename(folder)}-damaged`);
  writeRepository(damaged);
  writeRepository(damaged, { version: 2, graph: crashGraph() });
  const service = start(damaged, "--host", "127.0.0.1", "--repository-poll-secs", "0.1");
  const { url } = await service.ready();
  const index = async () => (await (await fetch(`${url}/v2/repository/index`, { method: "POST" })).json()) as { readonly state: string }[];
  const crashed = (version: string) => ({
    name: "readability",
    version,
    state: "UNAVAILABLE",
    reason: expect.stringMatching("The check of"),
  });
  const ready = { name: "readability", version: "1", state: "READY" };
  expect(await index()).toEqual([ready, crashed("2")]);
  writeRepository(damaged, { version: 3, graph: crashGraph() });
  while ((await index()).length < 3 || (await index())[2]!.state === "LOADING");
  expect(await index()).toEqual([ready, crashed("2"), crashed("3")]);
  service.child.kill("SIGTERM");
  expect(await service.exited).toEqual([0, null]);
  expect(service.lines.filter((line) => line.includes("version 2 cannot be loaded"))).toHaveLength(1);
  rmSync(damaged, { recursive: true });
});

it.each([
  ["a repository without models", join(folder, "empty"), [], "a model with a version"],
  ["a repository that is not there", join(folder, "missing"), [], "a model repository"],
  ["an address it cannot listen on", folder, ["--host", "203.0.113.1"], "Cannot listen on 203.0.113.1:0"],
])("says what is wrong with %s and exits with 1", async (_, repository, argv, message) => {
  const { exited, lines } = start(repository, ...argv);
  expect(await exited).toEqual([1, null]);
  expect(lines.join("\n")).toContain(message);
});
