import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCheckpoint } from "../lib/bert/checkpoint.js";
import { readPassages } from "../lib/data/dataset.js";
import { readNewestVersion } from "../lib/repository/repository.js";
import { hashPath } from "../lib/storage/hash.js";
import { readSafetensors } from "../lib/storage/safetensors.js";
import { loadTokenizer } from "../lib/text/tokenizer.js";
import { writeRepository } from "./repositories.js";
import { tinyFolder } from "./tiny-models.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "special-files-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const kinds = {
  "a folder": (path: string) => void mkdirSync(path),
  // Opening it would wait for a writer for ever.
  "a named pipe": (path: string) => void execFileSync("mkfifo", [path]),
};

const readers: Readonly<Record<string, { readonly file: string; readonly read: (at: string) => unknown }>> = {
  "a csv of passages": { file: "passages.csv", read: (at) => readPassages(join(at, "passages.csv"), { targets: true }) },
  "a checkpoint's configuration": { file: "config.json", read: readCheckpoint },
  "a checkpoint's weights": { file: "model.safetensors", read: readCheckpoint },
  safetensors: { file: "model.safetensors", read: (at) => readSafetensors(join(at, "model.safetensors")) },
  "a tokenizer": { file: "tokenizer.json", read: loadTokenizer },
  "a version's metadata": { file: join("readability", "1", "metadata.json"), read: (at) => readNewestVersion(at) },
};

// Windows has no named pipes among its files.
describe.skipIf(process.platform === "win32").each(Object.entries(kinds))("%s is refused before it is opened", (kind, make) => {
  it.each(Object.entries(readers))("in place of %s", (name, { file, read }) => {
    const at = join(folder, `${kind} ${name}`);
    cpSync(tinyFolder("bert"), at, { recursive: true });
    writeRepository(at);
    rmSync(join(at, file), { force: true });
    make(join(at, file));
    expect(() => read(at)).toThrow(`${join(at, file)} is ${kind}, not a regular file.`);
  });
});

it.skipIf(process.platform === "win32")("devices are refused", async () => {
  expect(() => readPassages("/dev/zero", { targets: true })).toThrow("/dev/zero is a device, not a regular file.");
  await expect(hashPath("/dev/zero")).rejects.toThrow("/dev/zero is a device, not a regular file.");
});
