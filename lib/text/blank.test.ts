import { describe, expect, it } from "vitest";
import { isBlank } from "./blank.js";

describe("isBlank", () => {
  it.each(["", " ", "\r\n\t", "\u00a0\u3000", "\u200b\ufeff", "\u0000"])("sees nothing to read in %j", (text) => {
    expect(isBlank(text)).toBe(true);
  });

  it.each(["a", " . ", "\u200bword", "中", "🙂", "\ud800"])("sees something in %j", (text) => {
    expect(isBlank(text)).toBe(false);
  });
});
