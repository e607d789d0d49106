// Everything that starts a worker thread imports this module, so the variable is set in the main thread: native code does not see
// variables that a thread sets.
import "./no-telemetry.js";
import { existsSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's root folder, with package.json, models/ and data/sample/. */
export const root: string = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : findRoot(dirname(folder));
}

/**
 * Path of a compiled module, for a worker thread or child process: `compiled("lib/serving/worker")` is dist/lib/serving/worker.js,
 * even if the caller runs from TypeScript sources (tests).
 */
export function compiled(module: string, ending: ".js" | ".wasm" = ".js"): string {
  return `${join(root, "dist", ...module.split("/"))}${ending}`;
}

/** The path of a file that ships with the package: `shipped("models")`. */
export function shipped(path: string): string {
  return join(root, path.split("/").join(sep));
}
