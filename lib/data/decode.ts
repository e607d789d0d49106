import { isAscii, isUtf8 } from "node:buffer";
import { fail } from "../errors/errors.js";

/** Turns the bytes of a text file into text, piece by piece. */
interface Decoder {
  /** @throws bad-encoding, not-csv */
  push(bytes: Uint8Array): string;
  /** The remaining text. @throws bad-encoding, not-csv */
  end(): string;
}

/**
 * The characters of the bytes 80 to 9f in Windows-1252, with a space for undefined ones; other bytes are as in Latin-1. Node 20's decoder
 * maps these bytes to control characters.
 */
const windows1252 = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";

/**
 * Decodes UTF-8, UTF-16 and Windows-1252, and removes a byte order mark. A byte order mark or the zero bytes of UTF-16 identify the
 * encoding. Otherwise the first non-ASCII character decides: if it is not valid UTF-8, the file is read as Windows-1252.
 * @param warn called with a message if the encoding is not UTF-8
 */
export function createDecoder(file: string, warn: (message: string) => void): Decoder {
  let waiting: Buffer = Buffer.alloc(0); // an incomplete character
  let decode: ((bytes: Buffer, ended: boolean) => string) | undefined;

  function choose(start: Buffer): typeof decode {
    const [a, b, c, d] = start;
    if ((a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0 && c === 0xfe && d === 0xff))
      return fail("bad-encoding", { file, guess: "UTF-32", problem: "it is not supported" });
    if ((a === 0xff && b === 0xfe) || (a && b === 0 && c && d === 0)) return useUtf16("utf-16le");
    if ((a === 0xfe && b === 0xff) || (a === 0 && b && c === 0 && d)) return useUtf16("utf-16be");
    return decodeUtf8;
  }

  function useUtf16(encoding: "utf-16le" | "utf-16be") {
    warn(`${file} is not UTF-8; it was read as ${encoding.toUpperCase()}.`);
    const decoder = new TextDecoder(encoding, { fatal: true });
    return (bytes: Buffer, ended: boolean) => {
      try {
        return decoder.decode(bytes, { stream: !ended });
      } catch (error) {
        return fail("bad-encoding", { file, guess: encoding.toUpperCase(), problem: "a character is incomplete" }, error);
      }
    };
  }

  let [position, multibyte] = [0, false];
  const utf8 = new TextDecoder("utf-8", { fatal: true });

  function decodeUtf8(bytes: Buffer, ended: boolean): string {
    const end = ended ? bytes.length : completeLength(bytes);
    const whole = bytes.subarray(0, end);
    waiting = bytes.subarray(end);
    if (!multibyte && !isAscii(whole)) {
      const first = whole.findIndex((byte) => byte > 0x7f);
      if (!isUtf8(whole.subarray(first, first + sequenceLength(whole[first]!)))) {
        warn(`${file} is not UTF-8; it was read as Windows-1252. If accents or quotation marks are wrong, save it as UTF-8.`);
        decode = decode1252;
        return decode1252(Buffer.concat([whole, waiting]));
      }
      multibyte = true;
    }
    if (!isUtf8(whole)) {
      const at = position + firstBadByte(whole);
      return fail("bad-encoding", { file, guess: "UTF-8", problem: `the byte at offset ${at} is invalid` });
    }
    position += end;
    return utf8.decode(whole, { stream: true });
  }

  function decode1252(bytes: Buffer): string {
    waiting = Buffer.alloc(0);
    return bytes.toString("latin1").replace(/[\x80-\x9f]/g, (byte) => {
      const character = windows1252[byte.charCodeAt(0) - 0x80]!;
      const problem = `the byte ${byte.charCodeAt(0).toString(16)} is not defined`;
      return character === " " ? fail("bad-encoding", { file, guess: "Windows-1252", problem }) : character;
    });
  }

  function take(bytes: Uint8Array, ended: boolean): string {
    const all = Buffer.concat([waiting, bytes]);
    waiting = Buffer.alloc(0);
    if (decode === undefined && all.length < 4 && !ended) {
      waiting = all;
      return "";
    }
    decode ??= choose(all);
    const text = decode!(all, ended);
    if (text.includes("\0")) fail("not-csv", { file, problem: "it has zero bytes, so it is not text" });
    return text;
  }

  return { push: (bytes) => take(bytes, false), end: () => take(Buffer.alloc(0), true) };
}

/** The length of a UTF-8 character in bytes, by its first byte. */
const sequenceLength = (byte: number) => (byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);

/** The number of bytes before an incomplete character at the end. */
function completeLength(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte >= 0xc0) return sequenceLength(byte) > back ? bytes.length - back : bytes.length;
    if (byte < 0x80) break;
  }
  return bytes.length;
}

function firstBadByte(bytes: Buffer): number {
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes[at]!);
    if (at + length > bytes.length || !isUtf8(bytes.subarray(at, at + length))) return at;
    at += length;
  }
  return at;
}
