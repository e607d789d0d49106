import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { readLines } from "./line-reader.js";

it("gives other requests a turn among the lines of a chunk", async () => {
  const memory = { open: () => ({ add: () => undefined, close: () => {} }) };
  const body = Readable.from([Buffer.from("0\n".repeat(1000))]);
  let turns = 0;
  let next = setImmediate(function count() {
    turns += 1;
    next = setImmediate(count);
  });
  let lines = 0;
  for await (const { content } of readLines(body, { bodyLimit: 10, idle: 60_000, memory })) lines += "length" in content ? 1 : 0;
  clearImmediate(next);
  expect(lines).toBe(1000);
  expect(turns).toBeGreaterThanOrEqual(1000 / 32 - 1);
});
