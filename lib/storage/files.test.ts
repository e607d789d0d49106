import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { workUntil } from "../../test/fault-injection.js";
import { canMount, mount, unmount } from "../../test/mounts.js";
import { readFile, readFolder, removeLeftovers, writeFileAtomic } from "./files.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "readability-files-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a file that is written whole", () => {
  it("holds text, bytes or pieces, in folders that it makes", () => {
    const file = join(folder, "a", "b", "file");
    for (const data of ["text", Buffer.from("text"), [Buffer.from("te"), Buffer.from("xt")]]) {
      writeFileAtomic(file, data);
      expect(readFileSync(file, "utf8")).toBe("text");
    }
    expect(readdirSync(join(folder, "a", "b"))).toEqual(["file"]);
  });

  it("is the old or the new one after a kill at any instant; what is left aside is removed", () => {
    const file = join(folder, "file");
    const seen = new Set<string>();
    for (let last = 1, ended = false; !ended; last++) {
      writeFileSync(file, "old");
      ended = workUntil(last, () => writeFileAtomic(file, "new text"));
      seen.add(readFileSync(file, "utf8"));
      removeLeftovers(folder);
      expect(readdirSync(folder)).toEqual(["file"]);
    }
    expect([...seen]).toEqual(["old", "new text"]);
  });
});

describe.skipIf(!canMount())("on a small disk", () => {
  let disk: string;
  beforeEach(() => {
    disk = join(folder, "disk");
    mkdirSync(disk);
    mount(disk, "size=64k");
  });
  afterEach(() => unmount(disk));

  it("says that there is no room, and leaves what was there", () => {
    const file = join(disk, "file");
    writeFileAtomic(file, "old");
    expect(() => writeFileAtomic(file, new Uint8Array(1 << 20))).toThrow(`No space left to write ${file}. Free some`);
    expect(readdirSync(disk)).toEqual(["file"]);
    expect(readFileSync(file, "utf8")).toBe("old");
  });

  it("says that it may not be written", () => {
    mount(disk, "remount,ro");
    expect(() => writeFileAtomic(join(disk, "file"), "new")).toThrow(/Cannot write .*file: EROFS.*Grant write access/);
  });
});

it.skipIf(process.getuid?.() === 0 || process.platform === "win32")("in a folder of others says that it may not be written", () => {
  chmodSync(folder, 0o500);
  expect(() => writeFileAtomic(join(folder, "file"), "new")).toThrow(/file cannot be written: EACCES/);
  chmodSync(folder, 0o700);
});

it("does not take the place of a folder", () => {
  expect(() => writeFileAtomic(folder, "text")).toThrow(`${folder} is a folder, not a regular file.`);
  writeFileSync(join(folder, "file"), "");
  expect(() => writeFileAtomic(join(folder, "file", "below"), "text")).toThrow(/Cannot write .*below: a part of its path is not a folder/);
});

describe("reading", () => {
  const read = (name: string) => readFile(join(folder, name), "a list", "Write one.");

  it("gives the bytes of a regular file", () => {
    writeFileSync(join(folder, "file"), "text");
    expect(read("file").toString()).toBe("text");
    expect(readFolder(folder, "a folder", "Make one.").map(({ name }) => name)).toEqual(["file"]);
  });

  it("says what was expected where there is nothing", () => {
    writeFileSync(join(folder, "file"), "text");
    for (const name of ["none", join("none", "file"), join("file", "below")])
      expect(() => read(name)).toThrow(`${join(folder, name)} not found: expected a list. Write one.`);
    expect(() => readFolder(join(folder, "none"), "a folder", "Make one.")).toThrow(/none not found: expected a folder\. Make one\./);
    expect(() => readFolder(join(folder, "file"), "a folder", "Make one.")).toThrow(
      `${join(folder, "file")} is a file, not a folder: expected a folder. Make one.`,
    );
  });

  it("names a pointer of Git LFS, and what to do", () => {
    writeFileSync(join(folder, "file"), "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 9\n");
    expect(() => read("file")).toThrow(
      `${join(folder, "file")} is a Git LFS pointer, not the file itself. Fetch the file with: git lfs pull.`,
    );
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === "win32")("says that it may not be read", () => {
    writeFileSync(join(folder, "file"), "text", { mode: 0 });
    expect(() => read("file")).toThrow(/Cannot read .*file: EACCES: permission denied\. Grant read access/);
  });
});
