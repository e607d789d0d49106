// Compiles to dist/ and copies what is not TypeScript beside it; leaves dist/.built as the time of the build.
// --release starts from an empty dist/ and makes no source maps, but the types of the entry points: what the npm package carries.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const release = process.argv.includes("--release");
if (release) rmSync("dist", { recursive: true, force: true });
compile("tsconfig.build.json", ...(release ? ["--sourceMap", "false"] : []));
if (release) {
  const types = mkdtempSync(join(tmpdir(), "types-"));
  compile("tsconfig.types.json", "--outDir", types);
  for (const entry of ["index.d.ts", "client.d.ts"]) copyTypes(types, entry);
  rmSync(types, { recursive: true });
}
if (existsSync("services/api/page")) cpSync("services/api/page", "dist/services/api/page", { recursive: true });
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
