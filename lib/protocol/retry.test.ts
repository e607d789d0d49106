import fc from "fast-check";
import { expect, it } from "vitest";
import { choosePause } from "./retry.js";

it("pauses longer from attempt to attempt up to a limit, at least as long as the server asks", () => {
  fc.assert(
    fc.property(fc.nat(100), fc.nat(100), (attempt, retryAfter) => {
      const usual = Math.min(1000, 50 * 2 ** attempt);
      const pause = choosePause(attempt, retryAfter);
      expect(pause).toBeGreaterThanOrEqual(Math.max(0.5 * usual, 1000 * retryAfter));
      expect(pause).toBeLessThanOrEqual(Math.max(1.5 * usual, 1000 * retryAfter));
    }),
  );
});

it("spreads the pauses of many clients", () => {
  expect(new Set(Array.from({ length: 100 }, () => choosePause(2, 0))).size).toBeGreaterThan(90);
});
