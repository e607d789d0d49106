// Compiles to dist/ and copies what is not TypeScript beside it; leaves dist/.built as the time of the build.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, writeFileSync } from "node:fs";

const { status } = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
if (existsSync("services/api/page")) cpSync("services/api/page", "dist/services/api/page", { recursive: true });
cpSync("lib/training/vector.wasm", "dist/lib/training/vector.wasm");
writeFileSync("dist/.built", "");
