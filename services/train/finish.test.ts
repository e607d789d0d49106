import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Log } from "../../lib/cli/log.js";
import { writeFileAtomic } from "../../lib/storage/files.js";
import { workOnFullDisk, workUntil } from "../../test/fault-injection.js";
import { isFinished, replaceModel, tidyUp } from "./finish.js";

let out: string;
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "readability-finish-"));
});
afterEach(() => rmSync(out, { recursive: true, force: true }));

const state = "training-state.safetensors";
const before = { "config.json": "old", "model.safetensors": "old weights", "training.json": "old", "vocab.txt": "old", "notes.md": "mine" };
const after = { "config.json": "new", "merges.txt": "new", "model.safetensors": "new weights", "training.json": "new" };

function fill(files: Readonly<Record<string, string>>): void {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(out, name), text);
}
const textOf = (name: string) => readFileSync(join(out, name), "utf8");
const read = () => Object.fromEntries(readdirSync(out).map((name) => [name, textOf(name)]));
const replace = () =>
  replaceModel(out, (folder) => {
    for (const [name, text] of Object.entries(after)) writeFileAtomic(join(folder, name), text);
  });

describe("the model in a folder", () => {
  it("is replaced whole, with another tokenizer's files, and the user's own files stay", () => {
    fill({ ...before, [state]: "x" });
    replace();
    expect(read()).toEqual({ ...after, "notes.md": "mine", [state]: "x" });
    fill({});
    replace();
    expect(read()).toEqual(after);
  });

  it("is after a kill at any instant and the next start the old one or the new one", () => {
    const seen = new Set<string>();
    for (let last = 1; ; last++) {
      fill({ ...before, [state]: "x" });
      const ended = workUntil(last, replace);
      if (!ended && !existsSync(join(out, ".model"))) for (const [name, text] of Object.entries(before)) expect(text).toBe(textOf(name));
      workUntil(1 + (last % 7), () => tidyUp(out)); // killed there as well
      tidyUp(out);
      const left = read();
      if (left["config.json"] === "old") expect(left).toEqual({ ...before, [state]: "x" });
      else expect(left).toEqual({ ...after, "notes.md": "mine", [state]: "x" });
      seen.add(left["config.json"]!);
      if (ended) break;
    }
    expect([...seen]).toEqual(["old", "new"]);
  });

  it("stands on a full disk", () => {
    fill({ ...before, [state]: "x" });
    for (let at = 1; at <= Object.keys(after).length + 1; at++) {
      expect(() => workOnFullDisk(at, "ENOSPC", replace)).toThrow(/No space left to write .*\.model-partial/);
      tidyUp(out);
      expect(read()).toEqual({ ...before, [state]: "x" });
    }
  });
});

it("a damaged list of the new model's files is an error that names it", () => {
  fill(before);
  mkdirSync(join(out, ".model"));
  writeFileSync(join(out, ".model", ".files.json"), '{"config.json": 1}');
  expect(() => tidyUp(out)).toThrow(
    /\.files\.json is invalid: it must be an array, found an object\. Delete .*\.model and train the model again/,
  );
  expect(textOf("config.json")).toBe("old");
});

it("a start removes what killed writes left, and nothing else", () => {
  fill({ ".model.safetensors.0123abcd.tmp": "", "mine.tmp": "", ".metrics.jsonl.00000000.tmp": "", ".hidden": "" });
  mkdirSync(join(out, ".model-partial"));
  tidyUp(out);
  expect(readdirSync(out).sort()).toEqual([".hidden", "mine.tmp"]);
});

describe("whether a run is finished", () => {
  const run = { lr: 0.1, data: "abc" };
  const warn = vi.fn();
  const check = (identity: typeof run, steps: number) => isFinished(out, identity, steps, { warn } as unknown as Log);
  const record = JSON.stringify({
    ...{ producer: "", base: "", seed: 0, max_length: 1, validation_fraction: 0.1, data: { file: "", fingerprint: "", rows: 1 } },
    ...{ recipe: {}, epochs: [], validation: { rows: 1, rmse: 1 }, run, steps: 9, workers: 1, seconds: 1, tokens_per_second: 1 },
  });
  beforeEach(() => warn.mockClear());

  it("is told by the record, without a saved state", () => {
    fill({ "training.json": record, "model.safetensors": "" });
    expect(check(run, 9)).toBe(true);
    expect(warn).not.toHaveBeenCalled();
    fill({ "training.json": record, "model.safetensors": "", [state]: "" });
    expect(check(run, 9)).toBe(false);
    fill({ "training.json": record });
    expect(check(run, 9)).toBe(false);
  });

  it("names in the log how another run's model differs", () => {
    fill({ "training.json": record, "model.safetensors": "" });
    expect(check({ ...run, lr: 0.2 }, 12)).toBe(false);
    expect(warn.mock.lastCall?.[0]).toMatch(/is from a different run \(lr was 0.1, is 0.2; steps was 9, is 12\)/);
  });
});
