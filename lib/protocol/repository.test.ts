import { expect, it } from "vitest";
import { wantsReady } from "./repository.js";

it.each([
  [undefined, false],
  ["", false],
  ["{}", false],
  ['{"ready": false}', false],
  ['{"ready": true}', true],
])("reads the index request %s", (body, ready) => {
  expect(wantsReady(body === undefined ? undefined : Buffer.from(body))).toBe(ready);
});

it.each(["{", "[]", '{"ready": "yes"}'])("refuses the index request %s", (body) => {
  expect(() => wantsReady(Buffer.from(body))).toThrow(/The body is no index request .*Expected: {"ready": true}/s);
});
