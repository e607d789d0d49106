// Compiles to dist/ and copies what is not TypeScript beside it; leaves dist/.built as the time of the build.
// --release starts from an empty dist/ and makes no source maps: what the npm package carries.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

const release = process.argv.includes("--release");
if (release) rmSync("dist", { recursive: true, force: true });
const compiler = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json", ...(release ? ["--sourceMap", "false"] : [])];
const { status } = spawnSync(process.execPath, compiler, { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
await buildPage();
cpSync("lib/training/vector.wasm", "dist/lib/training/vector.wasm");
writeFileSync("dist/.built", "");

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
