import { expect, it } from "vitest";
import type { ErrorCode } from "./errors.js";
import { errors } from "./errors.js";
import { explainError, isErrorCode } from "./explain.js";

it("explains an error from its row in the table", () => {
  expect(explainError("too-large")).toEqual({
    title: "Too large",
    status: 413,
    meaning: "The body is larger than ‹limit› bytes.",
    remedy: "Send a smaller request.",
  });
});

it("leaves the examples in JSON, and loses no word of a message", () => {
  for (const code of Object.keys(errors) as ErrorCode[]) {
    const { meaning, remedy } = explainError(code);
    expect(`${meaning} ${remedy}`.trim()).toBe(errors[code].template.replace(/\{(\w+)\}/g, "‹$1›"));
  }
  expect(explainError("bad-score-request").remedy).toContain('{"text": "..."}');
});

it("knows the codes of the table, and no other property", () => {
  expect(["empty-text", "nothing", "toString", "__proto__"].map(isErrorCode)).toEqual([true, false, false, false]);
});
