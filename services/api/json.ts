import { isUtf8 } from "node:buffer";
import { parseBoundedJson } from "../../lib/errors/bounded.js";

/** Bytes that the values of a body may take: a hundred thousand short texts. */
const mostJson = 4 << 20;

/** Parses JSON in UTF-8, with or without a byte order mark. @throws Error with what is wrong */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new Error("it is not UTF-8");
  const hasMark = bytes[0] === 0xef; // the first byte of a byte order mark
  return parseBoundedJson(hasMark ? bytes.subarray(3) : bytes, mostJson);
}
