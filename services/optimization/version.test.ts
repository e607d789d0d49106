import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStaging, publishVersion, reportFiles } from "./version.js";

let repository: string;
beforeEach(() => {
  repository = mkdtempSync(join(tmpdir(), "readability-version-"));
});
afterEach(() => rmSync(repository, { recursive: true }));

function publish(graph: string, report = "report", keep = 2) {
  const staging = openStaging(repository, "easy");
  writeFileSync(join(staging, "model.onnx"), graph);
  writeFileSync(join(staging, reportFiles.json), report);
  writeFileSync(join(staging, reportFiles.html), report);
  const warmUps = new Map([["input_ids_7", Buffer.from(`ids of ${graph}`)]]);
  return publishVersion(repository, "easy", staging, { config: `config of ${graph}`, warmUps }, keep);
}
const read = (...path: string[]) => readFileSync(join(repository, "easy", ...path), "utf8");

describe("publishVersion", () => {
  it("makes version 1, then the next, with the configuration and warm-up of the newest", () => {
    expect(publish("a")).toMatchObject({ version: 1, unchanged: false });
    expect(publish("b")).toMatchObject({ version: 2, unchanged: false });
    expect([read("1", "model.onnx"), read("2", "model.onnx"), read("config.pbtxt")]).toEqual(["a", "b", "config of b"]);
    expect(read("warmup", "input_ids_7")).toBe("ids of b");
  });

  it("leaves a version that is the same already, but for its report", () => {
    publish("a", "first");
    expect(publish("a", "second")).toMatchObject({ version: 1, unchanged: true });
    for (const name of Object.values(reportFiles)) expect(read("1", name)).toBe("second");
    expect(existsSync(join(repository, "easy", "2"))).toBe(false);
  });

  it("does not touch what stands, so that a server that watches does not load it again", () => {
    publish("a");
    const files = ["config.pbtxt", join("warmup", "input_ids_7"), join("1", reportFiles.html)].map((name) =>
      join(repository, "easy", name),
    );
    const before = files.map((file) => statSync(file).ino);
    publish("a");
    expect(files.map((file) => statSync(file).ino)).toEqual(before);
  });

  it("keeps as many versions as it is told to", () => {
    for (const graph of ["a", "b", "c", "d"]) publish(graph);
    expect(readdirSync(join(repository, "easy")).sort()).toEqual(["3", "4", "config.pbtxt", "warmup"]);
  });

  it("counts on from a version that others wrote", () => {
    mkdirSync(join(repository, "easy", "41"), { recursive: true });
    expect(publish("a").version).toBe(42);
  });
});

// Windows reports a folder in the way as EPERM, like a file that may not be written.
it.skipIf(process.platform === "win32")("says what cannot be written where something is in the way", () => {
  publish("a");
  mkdirSync(join(repository, "easy", "warmup", "input_ids_8"));
  const staging = openStaging(repository, "easy");
  const files = { config: "", warmUps: new Map([["input_ids_8", Buffer.from("ids")]]) };
  expect(() => publishVersion(repository, "easy", staging, files, 2)).toThrow(/easy.* is a folder, not a regular file/);
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
