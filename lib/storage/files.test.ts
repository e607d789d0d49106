import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { workUntil } from "../../test/fault-injection.js";
import { canMount, mount, unmount } from "../../test/mounts.js";
import { removeLeftovers, writeFileAtomic } from "./files.js";

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
