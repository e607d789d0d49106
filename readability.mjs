#!/usr/bin/env node
// Starts dist/cli.js. In a checkout (lifecycle scripts are off) it builds dist/ first when that is missing or older than a source file.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) stop(`readability needs Node 20.19 or newer; this is ${process.version}.`);
if (process.platform === "darwin" && process.arch === "x64")
  stop("readability needs ONNX Runtime, which has no build for macOS on Intel processors.");

const root = fileURLToPath(new URL(".", import.meta.url));
const entry = join(root, "dist", "cli.js");
const stamp = join(root, "dist", ".built");
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
if (existsSync(join(root, "cli.ts")) && newestSource() > (existsSync(stamp) ? statSync(stamp).mtimeMs : 0)) {
  if (!existsSync(compiler)) stop("The sources are not compiled and TypeScript is not installed: run npm ci first.");
  const built = spawnSync(process.execPath, [join(root, "build.mjs")], { stdio: ["ignore", 2, 2], cwd: root });
  if (built.status !== 0) stop("The sources do not compile; see the messages above.");
}
await import(entry);

/** Milliseconds since the epoch of the latest change among the source files. */
function newestSource() {
  const folders = ["lib", "services", "commands"].map((name) => join(root, name));
  const files = folders.flatMap((folder) => readdirSync(folder, { recursive: true }).map((name) => join(folder, name)));
  return Math.max(...[join(root, "cli.ts"), ...files].filter((file) => file.endsWith(".ts")).map((file) => statSync(file).mtimeMs));
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
