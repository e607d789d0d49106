import { describe, expect, it } from "vitest";
import { isBlank } from "./blank.js";
import { normalizeText } from "./normalize.js";

describe("isBlank", () => {
  it.each([
    ...[
      "",
      " ",
      "\r\n\t",
      "\u00a0\u3000",
      "\u200b\ufeff",
      "\u0000",
      "\u001b\u0085",
      "\u2800\u2800",
      "\u115f",
      "\u1160",
      "\u3164",
      "\uffa0",
    ],
    ...["\u0301", "\u034f", "\ufe0f", "\u200d\u200c", "\ud800", "\udc00\ud800", "\ufffd", "\u2060\u00ad", "\u{e0041}"],
  ])("sees nothing to read in %j", (text) => {
    expect(isBlank(text)).toBe(true);
    expect(isBlank(normalizeText(text))).toBe(true);
  });

  it.each(["a", " . ", "\u200bword", "中", "🙂", "e\u0301", "½", "7", "\u2800a"])("sees something in %j", (text) => {
    expect(isBlank(text)).toBe(false);
    expect(isBlank(normalizeText(text))).toBe(false);
  });
});
