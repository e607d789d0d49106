import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { crashGraph, meanGraph } from "../../test/graphs.js";
import { writeRepository } from "../../test/repositories.js";
import { checkVersion } from "./check-version.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "check-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("passes a version whose scores are right", async () => {
  await checkVersion(writeRepository(folder));
});

it("says how the process of a damaged version ended, and that it crashed", async () => {
  await expect(checkVersion(writeRepository(folder, { graph: crashGraph() }))).rejects.toMatchObject({
    code: "version-crashed",
    message: expect.stringMatching(`The check of ${join(folder, "readability", "1")} (was killed by SIG|ended with exit code)`),
  });
});

it("says what is wrong as openVersion does", async () => {
  await expect(checkVersion(writeRepository(folder, { graph: meanGraph(1), fallback: null }))).rejects.toMatchObject({
    code: "wrong-scores",
  });
});

it("does not wait for ever, and ends when it is told to", async () => {
  const version = writeRepository(folder);
  await expect(checkVersion(version, { timeout: 0 })).rejects.toMatchObject({
    code: "version-crashed",
    message: expect.stringContaining("did not end within 0 s"),
  });
  const stop = new AbortController();
  const checked = checkVersion(version, { signal: stop.signal });
  stop.abort();
  await expect(checked).rejects.toMatchObject({ code: "closed" });
  await expect(checkVersion(version, { signal: stop.signal })).rejects.toMatchObject({ code: "closed" });
});

// Windows has no mkfifo.
it.skipIf(process.platform === "win32")("refuses a pipe in place of the graph", async () => {
  const version = writeRepository(folder, { fallback: null });
  const graph = join(version.folder, "model.onnx");
  rmSync(graph);
  execFileSync("mkfifo", [graph]);
  await expect(checkVersion(version)).rejects.toMatchObject({ code: "not-a-file" });
});
