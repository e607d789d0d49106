// Compiles to dist/ and copies what is not TypeScript beside it; leaves dist/.built as the time of the build.
// --release starts from an empty dist/ and makes no source maps, but the types of the entry points: what the npm package carries.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const release = process.argv.includes("--release");
if (release) rmSync("dist", { recursive: true, force: true });
compile("tsconfig.build.json", ...(release ? ["--sourceMap", "false"] : []));
if (release) {
  const types = mkdtempSync(join(tmpdir(), "types-"));
  compile("tsconfig.types.json", "--outDir", types);
  for (const entry of ["index.d.ts", "client.d.ts"]) copyTypes(types, entry);
  rmSync(types, { recursive: true });
}
await buildPage();
cpSync("lib/training/vector.wasm", "dist/lib/training/vector.wasm");
writeFileSync("dist/.built", "");

function compile(project, ...options) {
  const compiler = ["node_modules/typescript/bin/tsc", "-p", project, ...options];
  const { status } = spawnSync(process.execPath, compiler, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

/** Copies a file of types to dist/, with those that it imports. */
function copyTypes(from, file) {
  if (existsSync(join("dist", file))) return;
  cpSync(join(from, file), join("dist", file));
  for (const [, path] of readFileSync(join(from, file), "utf8").matchAll(/(?:from |import\()"(\..+?)\.js"/g))
    copyTypes(from, join(file, "..", `${path}.d.ts`));
}

/** Bundles the api's page and names its assets by their content. Does nothing if no source of it is newer than the last bundle. */
async function buildPage() {
  const [source, target] = ["services/api/page", "dist/services/api/page"];
  const imported = ["package-lock.json", "build.mjs", ...["abbreviations", "lines", "sentences"].map((name) => `lib/text/${name}.ts`)];
  const files = [...readdirSync(source, { recursive: true }).map((name) => `${source}/${name}`), ...imported];
  const built = `${target}/index.html`;
  if (existsSync(built) && files.every((file) => statSync(file).mtimeMs < statSync(built).mtimeMs)) return;
  const { build } = await import("vite");
  await build({
    configFile: false,
    root: source,
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir: resolve(target),
      emptyOutDir: true,
      assetsInlineLimit: 0, // the page's content security policy takes no data: addresses
      modulePreload: false,
    },
  });
}
