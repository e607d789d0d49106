import { expect, it } from "vitest";
import { defineMessage, encodeMessage } from "./protobuf.js";

const message = defineMessage({
  number: [1, "int64"],
  name: [2, "string"],
  names: [4, "strings"],
  numbers: [6, "int64s"],
  inner: [7, "message"],
  float: [8, "float"],
});

const encode = (values: Parameters<typeof message>[0]) => Buffer.from(encodeMessage(message(values))).toString("hex");

// Of protobuf.dev/programming-guides/encoding
it.each([
  [{ number: 150 }, "089601"],
  [{ name: "testing" }, "120774657374696e67"],
  [{ numbers: [3, 270, 86942] }, "3206038e029ea705"],
  [{ inner: message({ number: 150 }) }, "3a03089601"],
])("encodes %o as protobuf does", (values, bytes) => {
  expect(encode(values)).toBe(bytes);
});

it("leaves out what a reader takes a missing field for, except in a list, a message or a float", () => {
  expect(encode({ number: 0, name: "", names: [], numbers: [] })).toBe("");
  expect(encode({ names: [""], inner: message({}), float: 0 })).toBe("22003a004500000000");
});
