#!/usr/bin/env node
// Starts dist/cli.js. In a checkout (lifecycle scripts are off) it first builds dist/ if that is missing or older than a source file.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

process.env.ORT_DISABLE_TELEMETRY = "1"; // see lib/system/no-telemetry.ts
if (process.argv[2] === "up" && process.env.npm_lifecycle_event) endWithLauncher();

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) stop(`readability needs Node 20.19 or newer; this is ${process.version}.`);
if (process.platform === "darwin" && process.arch === "x64") stop("ONNX Runtime has no build for macOS on Intel processors.");
if (process.platform === "linux" && process.report.getReport().header.glibcVersionRuntime === undefined)
  stop("ONNX Runtime has no build for musl (Alpine Linux). Use a distribution with glibc, such as the image node:20-bookworm-slim.");

const root = fileURLToPath(new URL(".", import.meta.url));
const stamp = join(root, "dist", ".built");
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
if (existsSync(join(root, "cli.ts")) && newestSource() > (existsSync(stamp) ? statSync(stamp).mtimeMs : 0)) {
  if (!existsSync(compiler)) stop("The sources are not compiled and TypeScript is not installed: run npm ci first.");
  const [status] = await once(spawn(process.execPath, [join(root, "build.mjs")], { stdio: ["ignore", 2, 2], cwd: root }), "exit");
  if (status !== 0) stop("The sources do not compile; see the messages above.");
}
const entry = join(root, "dist", "cli.js");
if (!existsSync(entry)) stop("This package was packed without dist/. Pack it with: npm run pack");
await import(pathToFileURL(entry).href);

/** Milliseconds since the epoch of the latest change to a source file. */
function newestSource() {
  const folders = ["lib", "services", "commands"].map((name) => join(root, name));
  const files = folders.flatMap((folder) => readdirSync(folder, { recursive: true }).map((name) => join(folder, name)));
  return Math.max(
    ...[join(root, "cli.ts"), ...files].filter((file) => /\.(?:tsx?|css|html|svg)$/.test(file)).map((file) => statSync(file).mtimeMs),
  );
}

/** Ends this process, as SIGTERM would, once npm or npx, which started it, ends. */
function endWithLauncher() {
  const started = describeLauncher();
  const timer = setInterval(() => {
    if (describeLauncher() === started) return;
    clearInterval(timer);
    process.emit("SIGTERM", "SIGTERM") || process.exit(143);
  }, 250).unref();
}

/** Changes when the process that started this one ends. On Linux npm does so through a shell, which may outlive it. */
function describeLauncher() {
  const parent = process.ppid;
  try {
    const [, name, grandparent] = /^\d+ \((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${parent}/stat`, "utf8"));
    return name.endsWith("sh") ? `${parent} ${grandparent}` : String(parent);
  } catch {
    return String(parent);
  }
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
