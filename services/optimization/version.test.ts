import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStaging, publishVersion, reportFile } from "./version.js";

let repository: string;
beforeEach(() => {
  repository = mkdtempSync(join(tmpdir(), "readability-version-"));
});
afterEach(() => rmSync(repository, { recursive: true }));

function publish(graph: string, report = "report", keep = 2) {
  const staging = openStaging(repository, "easy");
  writeFileSync(join(staging, "model.onnx"), graph);
  writeFileSync(join(staging, reportFile), report);
  return publishVersion(repository, "easy", staging, `config of ${graph}`, keep);
}
const read = (...path: string[]) => readFileSync(join(repository, "easy", ...path), "utf8");

describe("publishVersion", () => {
  it("makes version 1, then the next, with the configuration of the newest", () => {
    expect(publish("a")).toMatchObject({ version: 1, unchanged: false });
    expect(publish("b")).toMatchObject({ version: 2, unchanged: false });
    expect([read("1", "model.onnx"), read("2", "model.onnx"), read("config.pbtxt")]).toEqual(["a", "b", "config of b"]);
  });

  it("leaves a version that is the same already, but for its report", () => {
    publish("a", "first");
    expect(publish("a", "second")).toMatchObject({ version: 1, unchanged: true });
    expect(read("1", reportFile)).toBe("second");
    expect(existsSync(join(repository, "easy", "2"))).toBe(false);
  });

  it("keeps as many versions as it is told to", () => {
    for (const graph of ["a", "b", "c", "d"]) publish(graph);
    expect(readdirSync(join(repository, "easy")).sort()).toEqual(["3", "4", "config.pbtxt"]);
  });

  it("counts on from a version that others wrote", () => {
    mkdirSync(join(repository, "easy", "41"), { recursive: true });
    expect(publish("a").version).toBe(42);
  });
});

describe("openStaging", () => {
  it("removes what a killed run left", () => {
    mkdirSync(join(repository, "easy", ".staging-1", "x"), { recursive: true });
    const staging = openStaging(repository, "easy");
    expect(readdirSync(join(repository, "easy"))).toEqual([staging.split(/[\\/]/).at(-1)]);
  });

  it("says which folder cannot be written", () => {
    const file = join(repository, "file");
    writeFileSync(file, "");
    expect(() => openStaging(file, "easy")).toThrow(/Cannot write .*file.*easy/);
  });
});
