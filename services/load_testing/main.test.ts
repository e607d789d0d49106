import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCommand } from "../../test/commands.js";
import { until } from "../../test/fakes.js";
import { createProgress } from "./main.js";

let folder: string;
let server: Server;
let target: string;
let status = 200;
let served = 0;
const seen = new Set<string>();
const asked = new Set<string>();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "load-"));
  writeFileSync(join(folder, "passages.csv"), 'id,excerpt\n1,"One, two"\n2,Three\n');
  server = createServer(async (request, response) => {
    asked.add(`${request.url} ${request.headers.authorization}`);
    if (request.url!.startsWith("/alive")) return response.end("true");
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
  expect(stderr).toMatch(/5 s: users: 3, \d+ requests\/s, 0 failures\/s/);
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

test("it takes Locust's flags and writes its csv files, and a page", async () => {
  status = 200;
  const flags = ["--headless", "--only-summary", "-H", target, "-u", "3", "-r", "100", "-t", "0m3s"];
  const { code, stdout, stderr } = await run([...flags, "--data", "passages.csv", "--csv", "made/locust", "--html", "page.html"]);
  expect(code, stderr).toBe(0);
  expect(stderr).not.toMatch(/requests\/s/);
  expect(stdout).toContain("Aggregated");
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  const [stats, history] = ["_stats", "_stats_history"].map((name) => parse(read(`made/locust${name}.csv`)) as string[][]);
  expect(stats!.map(([type, name]) => [type, name])).toEqual([["Type", "Name"], ["POST", "/predict"], ["", "Aggregated"]]); // biome-ignore format: one line
  const requests = Number(stats![1]![2]);
  expect(stdout).toMatch(new RegExp(`POST +/predict +${requests} +0\\(0\\.00%\\)`));
  expect(history![0]!.slice(0, 5)).toEqual(["Timestamp", "User Count", "Type", "Name", "Requests/s"]);
  expect(history!.slice(1).map(([, users]) => users)).toContain("3");
  expect(new Set([...stats!, ...history!].map((row) => row.length))).toEqual(new Set([22, 24]));
  expect(read("made/locust_failures.csv")).toBe("Method,Name,Error,Occurrences,First Seen,Last Seen\r\n");
  expect(read("made/locust_exceptions.csv")).toBe("Count,Message,Traceback,Nodes\r\n");
  expect(read("page.html")).toMatch(/<!doctype html>[\s\S]*<svg [\s\S]*<\/html>\n$/);
  expect(read("page.html")).not.toMatch(/(src|href)="(?!#)/); // it needs no other file
});

test("credentials are sent and never shown, and the query is kept", async () => {
  const address = `${target.replace("//", "//user:s3cret@")}/?key=k3y`;
  asked.clear();
  const { code, stdout, stderr } = await run(["--target", address, ...small, "-t", "1", "--out", "out.json", "--html", "out.html"]);
  expect(code, stderr).toBe(0);
  const basic = `Basic ${Buffer.from("user:s3cret").toString("base64")}`;
  expect([...asked]).toEqual([`/alive?key=k3y ${basic}`, `/predict?key=k3y ${basic}`]);
  const written = ["out.json", "out.html"].map((name) => readFileSync(join(folder, name), "utf8"));
  const refused = await run(["--target", "http://user:s3cret@127.0.0.1:1/?key=k3y", ...small, "--wait", "0"]);
  expect(refused.stderr).toContain("http://127.0.0.1:1/alive?*** did not respond");
  const misspelt = await run(["--target", "htp://user:s3cret@127.0.0.1:1/"]);
  expect(misspelt.code).toBe(2);
  for (const text of [stdout, stderr, refused.stderr, misspelt.stderr, ...written]) expect(text).not.toMatch(/s3cret|k3y/);
});

test("a stall shows as such", () => {
  const lines: string[] = [];
  const progress = createProgress((line) => lines.push(line));
  const answered = [5, 0, 0, 0, 4, 3, 3, 3, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2];
  for (const [i, requests] of answered.entries()) progress({ second: i + 1, users: 1, requests, failures: 0, median: 7, p95: 9 });
  expect(lines).toEqual([
    "5 s: users: 1, 4 requests/s, 0 failures/s, median 7 ms, 95% 9 ms; before, no answer for 3 s",
    "10 s: users: 1, no answer for 2 s",
    "15 s: users: 1, no answer for 7 s",
    "20 s: users: 1, 2 requests/s, 0 failures/s, median 7 ms, 95% 9 ms",
  ]);
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
  [["-t", "600h"], "--run-time must be at most 576h"],
  [["--run-time", "soon"], "--run-time"],
])("%j is wrong usage", async (args, flag) => {
  const { code, stderr } = await run(args);
  expect(code).toBe(2);
  expect(stderr).toContain(flag);
});
