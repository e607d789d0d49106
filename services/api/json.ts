import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import { parseBoundedJson } from "../../lib/errors/bounded.js";
import { fail } from "../../lib/errors/errors.js";

/** Bytes that the values of a body may take: a hundred thousand short texts. */
const mostJson = 4 << 20;

/** Parses JSON in UTF-8, with or without a byte order mark. @throws Error with what is wrong */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new Error("it is not UTF-8");
  const hasMark = bytes[0] === 0xef; // the first byte of a byte order mark
  return parseBoundedJson(hasMark ? bytes.subarray(3) : bytes, mostJson);
}

/** @throws unsupported-charset */
export function checkCharset(headers: IncomingHttpHeaders): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(headers["content-type"] ?? "")?.[1];
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset)) fail("unsupported-charset", { charset });
}
