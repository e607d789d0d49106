import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findPort } from "../lib/http/listen.js";
import { startChild } from "../lib/system/child.js";
import { shipped } from "../lib/system/package-files.js";
import { until } from "./fakes.js";
import { copyTiny } from "./tiny-models.js";

const timeout = 300_000;
const root = shipped(".");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "package-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(command: readonly string[], cwd: string, input = "", env: NodeJS.ProcessEnv = {}) {
  const child = startChild(command, { cwd, input, env });
  const [stdout, stderr] = await Promise.all([text(child.process.stdout!), text(child.process.stderr!)]);
  return { code: (await child.exited).code, stdout, stderr };
}

const unreachable = /ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ENOTCACHED|ECONNRESET/;

it("packs a fresh checkout to what runs where it is installed, without warnings on this Node", { timeout }, async ({ skip }) => {
  const checkout = join(folder, "checkout");
  const left = new Set(["node_modules", "dist", ".git", "artifacts", join("data", "input")].map((name) => join(root, name)));
  cpSync(root, checkout, { recursive: true, filter: (path) => !left.has(path) });
  symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
  const packed = await run(["npm", "run", "pack", "--", "--json", "--pack-destination", folder], checkout);
  expect(packed.code, packed.stderr).toBe(0);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))!;
  const [{ files }] = JSON.parse(/^\[\n.*^\]$/ms.exec(packed.stdout)![0]) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(["readability.mjs", "dist/cli.js", "dist/lib/training/vector.wasm"]));
  expect(paths.filter((path) => /bench|(^|\/)test|\.test\.|\.map$|\.ts$/.test(path))).toEqual([]);

  const app = join(folder, "app");
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), "{}");
  const install = ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", join(folder, tarball)];
  const installed = await run(install, app);
  if (installed.code !== 0 && unreachable.test(installed.stderr)) skip(`npm cannot reach the registry: ${installed.stderr.slice(0, 200)}`);
  expect(installed.stderr).not.toContain("EBADENGINE");
  expect(installed.code, installed.stderr).toBe(0);
  const scored = await run([join(app, "node_modules", ".bin", "readability"), "score", "-"], app, "The cat sat on the mat.\n");
  expect(scored.code, scored.stderr).toBe(0);
  expect(JSON.parse(scored.stdout)).toMatchObject({ score: expect.any(Number) });
});

// Names of Windows have no ? and no line end.
it.skipIf(process.platform === "win32")("runs from a folder whatever its name", { timeout }, async () => {
  // Node itself loads no modules from below a backslash.
  const place = join(folder, "a#b %20 c?d\ne");
  mkdirSync(place);
  for (const name of ["dist", "readability.mjs", "package.json"]) cpSync(join(root, name), join(place, name), { recursive: true });
  for (const name of ["node_modules", "models", "data"]) symlinkSync(join(root, name), join(place, name));
  const readability = [process.execPath, join(place, "readability.mjs")];
  expect((await run([...readability, "--help"], folder)).stdout).toContain("Usage: readability");
  const scored = await run([...readability, "score", "-"], folder, "The cat sat on the mat.\n"); // by worker threads
  expect(scored.code, scored.stderr).toBe(0);
  const base = join(place, "base");
  copyTiny("bert", base);
  const rows = Array.from({ length: 40 }, (_, i) => `the cat sat on the mat ${"and sat ".repeat(i)},${i / 10}`);
  writeFileSync(join(folder, "labelled.csv"), ["excerpt,target", ...rows].join("\n"));
  const options = ["--data", "labelled.csv", "--base", base, "--out", relative(folder, join(place, "out")), "--max-steps", "1"];
  const trained = await run([...readability, "train", ...options, "--max-length", "16", "--batch", "4", "--workers", "1"], folder);
  expect(trained.code, trained.stderr).toBe(0);
  expect(existsSync(join(place, "out", "model.safetensors"))).toBe(true);

  const ports = [await findPort(), await findPort(), await findPort()].map(String);
  const services = [
    "--port",
    ports[0]!,
    "--inference-port",
    ports[1]!,
    "--metrics-port",
    ports[2]!,
    "--load-users",
    "2",
    "--load-time",
    "1",
  ];
  const training = ["--data", join(folder, "labelled.csv"), "--base", base, "--max-steps", "1", "--max-length", "16", "--batch", "4"];
  const quick = ["--gate", "9", "--seconds", "0.1", "--rounds", "1", "--gate-rows", "5"];
  const lines: string[] = [];
  const up = startChild([...readability, "up", ...services, ...training, ...quick], { cwd: place, onLine: (line) => lines.push(line) });
  const isReady = () => lines.some((line) => line.includes("ready at http://localhost"));
  await Promise.race([until(isReady), up.exited]);
  expect(isReady(), lines.join("\n")).toBe(true);
  const body = JSON.stringify({ text: "The cat sat on the mat." });
  const answer = await fetch(`http://127.0.0.1:${ports[0]}/predict`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
  });
  expect(await answer.json()).toEqual(["The cat sat on the mat.", expect.any(Number)]);
  await up.stop(30);
  expect((await up.exited).code, lines.join("\n")).toBe(0); // the load test had no errors
  expect(existsSync(join(place, "artifacts", "load_testing.json"))).toBe(true);
});
