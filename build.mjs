// Compiles to dist/ and copies what is not TypeScript beside it; leaves dist/.built as the time of the build.
// --release starts from an empty dist/ and makes no source maps: what the npm package carries.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, rmSync, writeFileSync } from "node:fs";

const release = process.argv.includes("--release");
if (release) rmSync("dist", { recursive: true, force: true });
const compiler = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json", ...(release ? ["--sourceMap", "false"] : [])];
const { status } = spawnSync(process.execPath, compiler, { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
if (existsSync("services/api/page")) cpSync("services/api/page", "dist/services/api/page", { recursive: true });
cpSync("lib/training/vector.wasm", "dist/lib/training/vector.wasm");
writeFileSync("dist/.built", "");
