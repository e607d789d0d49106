import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { failure } from "./errors.js";
import { explainFileError, fileFailure } from "./file-errors.js";

const system = (code: string, message: string) => Object.assign(new Error(`${code}: ${message}`), { code });

describe("fileFailure", () => {
  it.each([
    ["ENOSPC", "read", "disk-full"],
    ["EDQUOT", "write", "disk-full"],
    ["EACCES", "read", "not-readable"],
    ["EACCES", "write", "not-writable"],
    ["EPERM", "write", "not-writable"],
    ["EROFS", "write", "not-writable"],
    ["EISDIR", "read", "not-a-file"],
    ["EISDIR", "write", "not-a-file"],
    ["ENOTDIR", "write", "file-failed"],
    ["ENOENT", "read", "file-failed"],
    ["EEXIST", "write", "file-failed"],
    ["EMFILE", "read", "file-failed"],
    ["EIO", "read", "file-failed"],
  ] as const)("has for %s of %s the error %s, which names the file", (code, action, expected) => {
    const error = fileFailure(system(code, "it happened, open '/x'"), "/data/x.csv", action);
    expect(error.code).toBe(expected);
    expect(error.message).toContain("/data/x.csv");
    expect(error.message).not.toContain("open '/x'");
  });

  it("tells the system's words", () => {
    expect(fileFailure(system("EIO", "i/o error, read"), "/x", "read").message).toMatch(/^Cannot read \/x: EIO: i\/o error/);
    expect(fileFailure("odd", "/x", "write").message).toMatch(/^Cannot write \/x: odd/);
  });

  it("leaves an error of the table as it is", () => {
    const error = failure("no-rows", { file: "/x" });
    expect(fileFailure(error, "/y", "read")).toBe(error);
  });
});

describe("explainFileError", () => {
  const thrownBy = (work: () => void): unknown => {
    try {
      work();
    } catch (error) {
      return error;
    }
    throw new Error("it worked");
  };

  it.each<[string, () => void, RegExp]>([
    ["a missing file", () => readFileSync("/nowhere/x"), /^Cannot read \/nowhere\/x: ENOENT: no such file or directory\.$/],
    ["a missing folder", () => readdirSync("/nowhere"), /^Cannot read \/nowhere: ENOENT/],
    [
      "a folder below a file",
      () => mkdirSync(import.meta.filename),
      /^Cannot write .*file-errors.test.ts: a part of its path is not a folder/,
    ],
  ])("tells of %s in the words of the table", (_, work, message) => {
    expect(explainFileError(thrownBy(work))).toMatchObject({ name: "ReadabilityError", message: expect.stringMatching(message) });
  });

  it("leaves what node:fs did not throw", () => {
    const bug = new TypeError("x is undefined");
    const spawn = Object.assign(new Error("spawn nothing ENOENT"), { code: "ENOENT", syscall: "spawn nothing", path: "nothing" });
    for (const error of [bug, spawn, "text", undefined]) expect(explainFileError(error)).toBe(error);
  });
});
