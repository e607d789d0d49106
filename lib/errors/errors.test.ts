import { describe, expect, it } from "vitest";
import { errors, fail, failure } from "./errors.js";

describe("an error", () => {
  it("fills its template, and knows its code, exit code and status", () => {
    const error = failure("bad-cell", { file: "a.csv", row: 12, column: "target", problem: '"n/a" is not a number', remedy: "Fix it." });
    expect(error.message).toBe('a.csv, row 12, column "target": "n/a" is not a number. Fix it.');
    expect(error).toMatchObject({ name: "ReadabilityError", code: "bad-cell", exit: 1, status: 500, retryAfter: undefined });
    expect(failure("too-large", { limit: 10 })).toMatchObject({ exit: 2, status: 413 });
    expect(() => fail("closed", {})).toThrow("The server is shutting down.");
  });

  it("leaves an example in JSON as it is", () => {
    expect(failure("no-text", { found: "{file}" }).message).toBe('The body has no text: expected {"text": "..."}, found {file}.');
  });

  it("ends a sentence with one full stop, whatever its details end with", () => {
    expect(failure("file-failed", { action: "read", file: "a", cause: "It is gone." }).message).toBe("Cannot read a: It is gone.");
    expect(failure("file-failed", { action: "read", file: "a", cause: "gone" }).message).toBe("Cannot read a: gone.");
  });

  it("carries what it came from, and when to try again", () => {
    const cause = new Error("lost");
    expect(failure("server-busy", { retryAfter: 7 }, cause)).toMatchObject({ cause, retryAfter: 7, status: 503 });
    expect("cause" in failure("closed", {})).toBe(false);
  });

  it("takes every detail of its message, and no other", () => {
    failure("no-rows", { file: "a" });
    // @ts-expect-error a detail is missing
    failure("file-failed", { action: "read", file: "a" });
    // @ts-expect-error a detail is misspelt
    failure("no-rows", { fiel: "a" });
    // @ts-expect-error a detail too many
    failure("closed", { file: "a" });
    // @ts-expect-error a list is not joined
    failure("no-rows", { file: ["a"] });
    // @ts-expect-error no such error
    expect(() => failure("no-such-error", {})).toThrow();
  });
});

it("every message is a sentence that has its details where it needs them", () => {
  for (const [code, { template }] of Object.entries(errors)) {
    const names = [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, `<${name}>`]);
    const { message } = failure(code as "usage", Object.fromEntries(names));
    expect(message, code).not.toMatch(/\{\w+\}|undefined|\.\.(?!\.)(?<!\.\.\.)/);
  }
});
