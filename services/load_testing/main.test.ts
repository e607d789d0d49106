import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCommand } from "../../test/commands.js";
import { until } from "../../test/fakes.js";

let folder: string;
let server: Server;
let target: string;
let status = 200;
let served = 0;
const seen = new Set<string>();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "load-"));
  writeFileSync(join(folder, "passages.csv"), 'id,excerpt\n1,"One, two"\n2,Three\n');
  server = createServer(async (request, response) => {
    if (request.url === "/alive") return response.end("true");
    const body: Buffer[] = [];
    for await (const piece of request) body.push(piece as Buffer);
    const { text } = JSON.parse(Buffer.concat(body).toString()) as { text: string };
    seen.add(text);
    served++;
    return setTimeout(() => response.writeHead(status).end(JSON.stringify([text, 1.5])), 5);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

/** Runs the service as a command. `interrupted` sends SIGINT once some requests of its three users were answered. */
async function run(args: readonly string[], interrupted = false) {
  served = 0;
  const { child, finished } = startCommand(["load_testing", ...args], { folder });
  if (interrupted) {
    await until(() => served > 10);
    child.kill("SIGINT");
  }
  return finished;
}

const small = ["-u", "3", "-r", "100", "--data", "passages.csv"];

test("it prints the two tables, writes the report, and exits 0", async () => {
  status = 200;
  const { code, stdout, stderr } = await run(["--target", target, ...small, "--run-time", "6", "--out", "report.json", "--seed", "3"]);
  expect(code).toBe(0);
  expect([...seen].sort()).toEqual(["One, two", "Three"]);
  expect(stdout).toMatch(/^Type +Name +# reqs +# fails \| +Avg +Min +Max +Med \| +req\/s +failures\/s\n/);
  expect(stdout).toMatch(/\nPOST +\/predict +\d+ +0\(0\.00%\) \|/);
  expect(stdout).toMatch(/\nResponse time percentiles \(approximated\)\nType +Name +50% +66% .* 99\.99% +100% # reqs\n/);
  expect(stdout).not.toContain("Error report");
  expect(stderr).toMatch(/5 s: 3 users, \d+ requests\/s, 0 failures\/s/);
  const report = JSON.parse(readFileSync(join(folder, "report.json"), "utf8"));
  expect(report).toMatchObject({
    options: { target, users: 3, spawnRate: 100, runTime: 6, seed: 3, data: "passages.csv" },
    machine: { cpu: expect.any(String), cores: expect.any(Number), node: process.version },
    failures: 0,
    errors: {},
  });
  expect(report.requests).toBe(report.series.reduce((sum: number, { requests }: { requests: number }) => sum + requests, 0));
  expect(report.percentiles["50"]).toBe(report.median);
});

test("failures are reported and make it exit 1", async () => {
  status = 500;
  const { code, stdout } = await run(["--target", target, ...small, "--run-time", "1s"]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/\(100\.00%\)/);
  expect(stdout).toMatch(/Error report\n.*\n.*\n\d+ +POST \/predict: answered 500 Internal Server Error\n/);
});

test("Ctrl-C ends it early with the tables of what was measured", async () => {
  status = 200;
  const { code, stdout } = await run(["--target", target, ...small, "--run-time", "1h"], true);
  expect(code).toBe(0);
  expect(stdout).toMatch(/Aggregated +[1-9]\d* +0\(0\.00%\)/);
});

test("an api that is not there is a clear error", async () => {
  const { code, stderr } = await run(["--target", "http://127.0.0.1:1", ...small, "--wait", "0"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/http:\/\/127\.0\.0\.1:1\/alive did not respond within 0 s .*readability api.*--target/);
});

test.each([
  [["--target", "localhost"], "--target"],
  [["-u", "0"], "--users"],
  [["-r", "-1"], "--spawn-rate"],
  [["--run-time", "soon"], "--run-time"],
])("%j is wrong usage", async (args, flag) => {
  const { code, stderr } = await run(args);
  expect(code).toBe(2);
  expect(stderr).toContain(flag);
});
