import { crc32, inflateRawSync } from "node:zlib";
import { fail, ReadabilityError, reason } from "../errors/errors.js";

/** A file of a zip, as the central directory describes it. Sizes and offset in bytes. */
export interface ZipEntry {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  /** Of its local header. */
  readonly offset: number;
}

const signatures = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50, locator: 0x07064b50, end64: 0x06064b50 } as const;
const [unset16, unset32] = [0xffff, 0xffffffff];

/** Whether the bytes begin as a zip does: with a file, or with the end of an empty one. */
export function isZip(bytes: Buffer): boolean {
  return bytes.length >= 4 && [signatures.local, signatures.end].some((signature) => bytes.readUInt32LE(0) === signature);
}

/**
 * The files of a zip, folders left out (PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3).
 * @throws bad-zip
 */
export function listZip(file: string, zip: Buffer): ZipEntry[] {
  return guard(file, () => {
    const directory = findDirectory(file, zip);
    const entries: ZipEntry[] = [];
    let at = directory.offset;
    for (let i = 0; i < directory.count; i++) {
      expect(zip, at, signatures.central);
      const [nameLength, extraLength, commentLength] = [zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30), zip.readUInt16LE(at + 32)];
      const name = zip.toString("utf8", at + 46, at + 46 + nameLength);
      const extra = zip.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
      const [size, packed, offset] = widen([zip.readUInt32LE(at + 24), zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 42)], extra);
      const [flags, method, crc] = [zip.readUInt16LE(at + 8), zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 16)];
      if (!name.endsWith("/")) entries.push({ name, flags, method, crc, packed: packed!, size: size!, offset: offset! });
      at += 46 + nameLength + extraLength + commentLength;
    }
    return entries;
  });
}

/**
 * The content of a file of a zip. Unpacking stops at the size that the zip declares.
 * @throws bad-zip where it is encrypted, damaged or packed by another method
 */
export function unzip(file: string, zip: Buffer, { name, flags, method, crc, packed, size, offset }: ZipEntry): Buffer {
  const refuse = (problem: string) => fail("bad-zip", { file, problem: `${name} ${problem}` });
  return guard(file, () => {
    if (flags & 1) refuse("is encrypted");
    if (method !== 0 && method !== 8) refuse(`is packed by method ${method}, not by deflate`);
    expect(zip, offset, signatures.local);
    const begin = offset + 30 + zip.readUInt16LE(offset + 26) + zip.readUInt16LE(offset + 28);
    const bytes = zip.subarray(begin, begin + packed);
    if (bytes.length !== packed) refuse("is cut short");
    const content = method === 0 ? bytes : inflate(bytes, size);
    if (content === undefined || content.length !== size) return refuse(`does not unpack to the ${size} bytes that the zip declares`);
    if (crc32(content) !== crc) refuse("is damaged: its checksum is wrong");
    return content;
  });
}

/** At most `size` bytes; undefined if there are more. */
function inflate(bytes: Buffer, size: number): Buffer | undefined {
  try {
    return inflateRawSync(bytes, { maxOutputLength: Math.max(1, size) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw error;
  }
}

/** Where the central directory begins, and how many entries it has. */
function findDirectory(file: string, zip: Buffer): { readonly offset: number; readonly count: number } {
  const end = zip.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  if (end === -1) fail("bad-zip", { file, problem: "its end is missing" });
  const [disk, count, offset] = [zip.readUInt16LE(end + 4), zip.readUInt16LE(end + 10), zip.readUInt32LE(end + 16)];
  const locator = end - 20;
  if (locator >= 0 && zip.readUInt32LE(locator) === signatures.locator && [disk, count, offset].some((value) => value >= unset16)) {
    const end64 = readUInt64(zip, locator + 8);
    expect(zip, end64, signatures.end64);
    return { offset: readUInt64(zip, end64 + 48), count: readUInt64(zip, end64 + 32) };
  }
  if (disk !== 0) fail("bad-zip", { file, problem: "it is one part of several" });
  return { offset, count };
}

/** Values of 32 bits, or where they are full those of 64 bits in the extra field of zip64. */
function widen(values: readonly number[], extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let next = at - 4;
    const read = () => {
      next += 8;
      return readUInt64(extra, next);
    };
    return values.map((value) => (value === unset32 ? read() : value));
  }
  return [...values];
}

const readUInt64 = (bytes: Buffer, at: number) => Number(bytes.readBigUInt64LE(at));

function expect(zip: Buffer, at: number, signature: number): void {
  if (zip.readUInt32LE(at) !== signature) throw new RangeError(`no header at byte ${at}`);
}

/** Reports a read past the end, or data that does not inflate, as a damaged zip. */
function guard<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ReadabilityError) throw error;
    return fail("bad-zip", { file, problem: `it is damaged (${reason(error)})` }, error);
  }
}
