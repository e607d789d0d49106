import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { findPort } from "../lib/http/listen.js";
import { startChild } from "../lib/system/child.js";
import { shipped } from "../lib/system/package-files.js";
import { startCommand, waitForAddress } from "./commands.js";
import { until } from "./fakes.js";
import { writeRepository } from "./repositories.js";
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

describe("the package", () => {
  let app: string;
  let paths: readonly string[];
  let installed: Awaited<ReturnType<typeof run>>;

  // Packs a fresh checkout, and installs the tarball in an empty folder.
  beforeAll(async () => {
    const checkout = join(folder, "checkout");
    const left = new Set(["node_modules", "dist", ".git", "artifacts", join("data", "input")].map((name) => join(root, name)));
    cpSync(root, checkout, { recursive: true, filter: (path) => !left.has(path) });
    symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
    const packed = await run(["npm", "run", "pack", "--", "--json", "--pack-destination", folder], checkout);
    expect(packed.code, packed.stderr).toBe(0);
    const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))!;
    const [{ files }] = JSON.parse(/^\[\n.*^\]$/ms.exec(packed.stdout)![0]) as [{ files: { path: string }[] }];
    paths = files.map(({ path }) => path);
    app = join(folder, "app");
    mkdirSync(app);
    writeFileSync(join(app, "package.json"), '{ "type": "module" }');
    const install = ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", join(folder, tarball)];
    installed = await run(install, app);
  }, timeout);

  function skipIfUnreachable({ skip }: TestContext): void {
    if (installed.code !== 0 && unreachable.test(installed.stderr))
      skip(`npm cannot reach the registry: ${installed.stderr.slice(0, 200)}`);
    expect(installed.code, installed.stderr).toBe(0);
  }

  it("holds what runs, and types of its entry points alone", () => {
    expect(paths).toEqual(expect.arrayContaining(["readability.mjs", "dist/cli.js", "dist/lib/training/vector.wasm"]));
    expect(paths).toEqual(
      expect.arrayContaining([
        "dist/index.js",
        "dist/index.d.ts",
        "dist/client.js",
        "dist/client.d.ts",
        "dist/services/api/page/index.html",
      ]),
    );
    expect(paths.filter((path) => /bench|(^|\/)test|\.test\.|\.map$|(?<!\.d)\.ts$/.test(path))).toEqual([]);
    expect(paths.filter((path) => path.endsWith(".d.ts")).length).toBeLessThan(25);
  });

  it("runs where it is installed, without warnings on this Node", { timeout }, async (context) => {
    skipIfUnreachable(context);
    expect(installed.stderr).not.toContain("EBADENGINE");
    const scored = await run([join(app, "node_modules", ".bin", "readability"), "score", "-"], app, "The cat sat on the mat.\n");
    expect(scored.code, scored.stderr).toBe(0);
    expect(JSON.parse(scored.stdout)).toMatchObject({ score: expect.any(Number) });
  });

  it("has a client that loads no other package", () => {
    const load = (file: string): string[] => {
      const imports = [...readFileSync(join(root, file), "utf8").matchAll(/^(?:import|export) (?!type).* from "(.*)";$/gm)];
      return imports.flatMap(([, path]) => (path!.startsWith(".") ? load(join(file, "..", path!.replace(/js$/, "ts"))) : [path!]));
    };
    expect(load("client.ts")).toEqual([]);
  });

  describe("docs/package.md", () => {
    const page = readFileSync(join(root, "docs", "package.md"), "utf8");
    const snippets = (kind: string) => [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].filter(([, found]) => found === kind);
    let api: ReturnType<typeof startCommand>;
    let address: string;

    beforeAll(async () => {
      writeRepository(join(folder, "repository"));
      api = startCommand(["api", "--repository", "repository", "--port", "0"], { folder });
      address = await waitForAddress(api);
    });
    afterAll(async () => {
      api.child.kill();
      await api.finished;
    });

    it("has TypeScript that compiles, strictly and with the types of the package checked, and runs", { timeout }, async (context) => {
      skipIfUnreachable(context);
      const names = snippets("ts").map(([, , code], i) => {
        writeFileSync(join(app, `snippet${i}.ts`), code!.replaceAll("http://localhost:5000", address));
        return `snippet${i}`;
      });
      const options = {
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        types: [],
        module: "nodenext",
        target: "es2022",
      };
      writeFileSync(join(app, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["*.ts"] }));
      const compiled = await run([process.execPath, join(root, "node_modules/typescript/bin/tsc")], app);
      expect(compiled.code, compiled.stdout).toBe(0);
      const printed: Record<string, string> = {};
      for (const name of names) {
        const { code, stdout, stderr } = await run([process.execPath, `${name}.js`], app);
        expect(code, `${name}: ${stderr}`).toBe(0);
        printed[name] = stdout;
      }
      expect(printed).toEqual({
        snippet0: expect.stringMatching(/^-?[\d.]+ \{[^}]*coverage[^}]*\} (?:null|\{[^}]*\})\n(?:-?[\d.]+ .+\n){2}-?[\d.]+\nempty-text\n$/),
        snippet1: expect.stringMatching(/^cats -?[\d.]+\nmice -?[\d.]+\n$/),
        snippet2: expect.stringMatching(/^-?[\d.]+\n-?[\d.]+ \[[\s\S]*too-short[\s\S]*\n422 empty-text .* [\w-]{36}\n$/),
        snippet3: expect.stringMatching(/^(?:-?[\d.]+\n){2}-?[\d.e-]+ (?:null|\{[^}]*\})\n$/),
      });
    });

    it("has Python that runs", async ({ skip }) => {
      if ((await run(["python3", "--version"], folder)).code !== 0) skip("there is no python3");
      const [[, , code]] = snippets("python") as [RegExpExecArray];
      const { stdout, stderr } = await run(["python3", "-c", code!.replaceAll("http://localhost:5000", address)], folder);
      expect(stdout, stderr).toMatch(/^(?:-?[\d.]+ \['too-short'\]\n){2}$/);
    });
  });
});

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
