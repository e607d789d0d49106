import type { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { failure, ReadabilityError } from "../../lib/errors/errors.js";
import { type BodyMemory, chunkCost } from "../../lib/http/bodies.js";

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
/** Lines after which other requests have a turn, even if none of these has to wait for anything. */
const linesInTurn = 32;

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
  let held = 0; // what is counted of the line
  let skips = false;
  let lines = 0;

  /** Adds a part to the line. @returns why the rest of the line must be skipped */
  function add(part: Buffer): ReadabilityError | undefined {
    if (skips || part.length === 0) return undefined;
    const refusal = size + part.length > bodyLimit ? failure("line-too-long", { limit: bodyLimit }) : counted.add(part.length + chunkCost);
    if (refusal) {
      counted.add(-held);
      [parts, size, held, skips] = [[], 0, 0, true];
    } else {
      parts.push(part);
      size += part.length;
      held += part.length + chunkCost;
    }
    return refusal;
  }

  function finish(): Line | undefined {
    const bytes = size;
    const content = skips ? undefined : Buffer.concat(parts);
    counted.add(size - held); // the chunks become one
    [parts, size, held, skips] = [[], 0, 0, false];
    if (content && content.length > 0) return { content, release: () => void counted.add(-bytes) };
    counted.add(-bytes);
    return undefined;
  }

  try {
    for (;;) {
      const chunk = await nextChunk(chunks, body, idle);
      if (chunk === undefined) break;
      for (let start = 0, end = 0; end < chunk.length; start = end + 1) {
        // Blank lines cost next to nothing: a small compressed body may have millions.
        if (size === 0 && !skips) while (isWhite(chunk[start])) start += 1;
        const found = chunk.indexOf(lineEnd, start);
        end = found === -1 ? chunk.length : found;
        const refusal = add(chunk.subarray(start, end));
        if (refusal) yield { content: refusal, release: () => {} };
        const line = found === -1 ? undefined : finish();
        if (!line) continue;
        yield line;
        lines += 1;
        if (lines % linesInTurn === 0) await nextTurn();
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

/** Whether a byte is white space of JSON. */
const isWhite = (byte: number | undefined): boolean => byte === 0x20 || byte === lineEnd || byte === 0x0d || byte === 0x09;
