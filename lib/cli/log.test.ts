import { expect, it } from "vitest";
import { createLog, logLevels } from "./log.js";

it("takes every level, info by default, and refuses others as wrong usage", () => {
  for (const level of logLevels) expect(createLog("test", { READABILITY_LOG_LEVEL: level }).level).toBe(level);
  expect(createLog("test", {}).level).toBe("info");
  expect(createLog("test", { READABILITY_LOG_LEVEL: "" }).level).toBe("info");
  expect(() => createLog("test", { READABILITY_LOG_LEVEL: "verbose" })).toThrow(
    expect.objectContaining({
      code: "usage",
      exit: 2,
      message: expect.stringMatching(/^READABILITY_LOG_LEVEL must be one of .*"verbose"/),
    }),
  );
});
