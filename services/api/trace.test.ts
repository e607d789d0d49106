import { expect, it } from "vitest";
import { readTraceparent } from "./trace.js";

const [id, span] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];

it.each([`00-${id}-${span}-01`, `00-${id}-${span}-00`, `cc-${id}-${span}-01`, `cc-${id}-${span}-01-what-the-future-will-be-like`])(
  "takes %s",
  (value) => {
    expect(readTraceparent(value)).toBe(value);
  },
);

it.each([
  undefined,
  "",
  `ff-${id}-${span}-01`,
  `00-${id}-${span}-01-more`,
  `00-${id}-${span}-01.more`,
  `cc-${id}-${span}-01.more`,
  `00-${"0".repeat(32)}-${span}-01`,
  `00-${id}-${"0".repeat(16)}-01`,
  `00-${id.toUpperCase()}-${span}-01`,
  `00-${id}-${span}`,
  `0-${id}-${span}-01`,
  ` 00-${id}-${span}-01`,
  `00-${id}-${span}-01\n`,
])("does not take %o", (value) => {
  expect(readTraceparent(value)).toBeUndefined();
});
