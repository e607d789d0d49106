import { describe, expect, it } from "vitest";
import { failure } from "./errors.js";
import { fileFailure } from "./file-errors.js";

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
