import { parseBoundedJson } from "../errors/bounded.js";
import { clip } from "../errors/describe-issues.js";

/** A body with its headers: JSON, perhaps followed by the bytes of tensors (the binary tensor data extension). */
export interface Message {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The header that tells how many bytes of JSON precede the tensors. */
export const headerLength = "inference-header-content-length";

export function joinMessage(json: unknown, tensors: readonly (BigInt64Array | Float32Array)[]): Message {
  const head = Buffer.from(JSON.stringify(json));
  if (tensors.length === 0) return { headers: { "content-type": "application/json" }, body: head };
  return {
    headers: { "content-type": "application/octet-stream", [headerLength]: String(head.length) },
    body: Buffer.concat([head, ...tensors.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength))]),
  };
}

/** Bytes that the values of a message's JSON may take: a million numbers. More numbers must be sent as binary tensors. */
const mostJson = 8 << 20;

/**
 * Splits a body into its JSON and the bytes after it.
 * @param length the header's value, if it was sent
 * @param refuse throws an error with what is wrong and what was expected
 */
export function splitMessage(
  body: Buffer,
  length: string | undefined,
  refuse: (problem: string, expected: string) => never,
): { readonly json: unknown; readonly binary: Buffer } {
  const bytes = length === undefined ? body.length : Number(length);
  if (length !== undefined && !(/^\d+$/.test(length) && bytes > 0 && bytes <= body.length))
    refuse(
      `Inference-Header-Content-Length is ${JSON.stringify(clip(length))}`,
      `the bytes of the JSON, from 1 to the body's ${body.length}`,
    );
  try {
    return { json: parseBoundedJson(body.subarray(0, bytes), mostJson), binary: body.subarray(bytes) };
  } catch (error) {
    return refuse(
      `The JSON is malformed (${(error as Error).message})`,
      "one JSON object, and Inference-Header-Content-Length where binary tensors follow it, as they must for a million numbers",
    );
  }
}

/** Reads tensors one after another from the bytes that follow the JSON. Copies them, since those bytes are not aligned. */
export function readTensors(binary: Buffer) {
  let offset = 0;
  return {
    /** The next `size` bytes, or as many as are left. */
    next(size: number): ArrayBuffer {
      const bytes = binary.subarray(offset, offset + size);
      offset += size;
      return new Uint8Array(bytes).buffer;
    },
    /** Bytes that no tensor has read; negative if tensors read more than there are. */
    left: () => binary.length - offset,
  };
}
