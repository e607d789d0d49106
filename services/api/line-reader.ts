import type { Readable } from "node:stream";
import { failure, ReadabilityError } from "../../lib/errors/errors.js";
import type { BodyMemory } from "../../lib/http/bodies.js";

/** A line of the body, or why there is none. Its bytes count as memory until `release` is called. */
export interface Line {
  readonly content: Buffer | ReadabilityError;
  readonly release: () => void;
}

export interface LineLimits {
  /** Bytes of a line. */
  readonly bodyLimit: number;
  /** Milliseconds in which the client must send something. */
  readonly idle: number;
  readonly memory: BodyMemory;
}

const lineEnd = 0x0a;

/**
 * Splits a body into lines as it arrives, without their ends; blank lines are left out. A line that is too long, or for which there is no
 * memory, is an error, and the lines after it are read. An error of the body itself is the last line.
 * @param body a stream that may be destroyed without its connection: with client-idle, or by others with an error of the table
 */
export async function* readLines(body: Readable, { bodyLimit, idle, memory }: LineLimits): AsyncGenerator<Line> {
  const counted = memory.open(bodyLimit);
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let parts: Buffer[] = [];
  let size = 0;
  let skips = false;

  /** Adds a part to the line. @returns why the rest of the line must be skipped */
  function add(part: Buffer): ReadabilityError | undefined {
    if (skips || part.length === 0) return undefined;
    const refusal = size + part.length > bodyLimit ? failure("line-too-long", { limit: bodyLimit }) : counted.add(part.length);
    if (refusal) {
      counted.add(-size);
      skips = true;
    } else {
      parts.push(part);
      size += part.length;
    }
    return refusal;
  }

  function finish(): Line | undefined {
    const bytes = skips ? 0 : size;
    const content = skips ? undefined : Buffer.concat(parts);
    [parts, size, skips] = [[], 0, false];
    if (content && !isBlank(content)) return { content, release: () => void counted.add(-bytes) };
    counted.add(-bytes);
    return undefined;
  }

  try {
    for (;;) {
      const chunk = await nextChunk(chunks, body, idle);
      if (chunk === undefined) break;
      for (let start = 0, end = 0; end < chunk.length; start = end + 1) {
        const found = chunk.indexOf(lineEnd, start);
        end = found === -1 ? chunk.length : found;
        const refusal = add(chunk.subarray(start, end));
        if (refusal) yield { content: refusal, release: () => {} };
        const line = found === -1 ? undefined : finish();
        if (line) yield line;
      }
    }
    const last = finish();
    if (last) yield last;
  } catch (error) {
    if (error instanceof ReadabilityError) yield { content: error, release: () => {} };
    // Else the client is gone.
  } finally {
    counted.close();
    body.destroy();
  }
}

/** The next bytes; undefined at the end. @throws the body's error */
async function nextChunk(chunks: AsyncIterator<Buffer>, body: Readable, idle: number): Promise<Buffer | undefined> {
  const timer = setTimeout(() => body.destroy(failure("client-idle", { seconds: idle / 1000 })), idle);
  try {
    const { value, done } = await chunks.next();
    return done ? undefined : value;
  } finally {
    clearTimeout(timer);
  }
}

/** Whether a line has nothing but white space of JSON. */
const isBlank = (line: Buffer): boolean => line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
