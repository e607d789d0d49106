import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { basename } from "node:path";
import { z } from "zod";
import { parseBoundedJson } from "../errors/bounded.js";
import { fail } from "../errors/errors.js";
import { fromBrain, fromHalf, toHalf } from "../math/float16.js";
import { checkFile, checkPointer, reading } from "./files.js";

/** Bytes of an element of each type. Tensors of the floating-point types are read as float32, others are skipped. */
const widths = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const;

export type Dtype = keyof typeof widths;

const toFloat32: { readonly [dtype in Dtype]?: (bytes: Uint8Array<ArrayBuffer>) => Float32Array } = {
  F64: ({ buffer }) => new Float32Array(new Float64Array(buffer)),
  F32: ({ buffer }) => new Float32Array(buffer),
  F16: ({ buffer }) => fromHalf(new Uint16Array(buffer)),
  BF16: ({ buffer }) => fromBrain(new Uint16Array(buffer)),
};

/** A floating-point tensor, row-major, converted to float32 from the file's `dtype`. */
export interface Tensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface TensorEntry {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** The first byte and the byte after the last, from the start of the file. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** Bytes of a header, and of its values in memory: enough for 100,000 tensors. The format's own reader takes 100 MB. */
const largestHeader = 16 << 20;
const largestValues = 64 << 20;

const natural = z.number().int().nonnegative();
const headerSchema = z.record(z.string(), z.unknown());
const entrySchema = z.object({ dtype: z.string(), shape: z.array(natural), data_offsets: z.tuple([natural, natural]) });
const metadataSchema = z.record(z.string(), z.string());

/**
 * What a safetensors file says of its tensors, checked against the file's size.
 * @throws no-file, not-a-file, not-readable, lfs-pointer, bad-safetensors, bad-tensor
 */
export function readSafetensorsHeader(path: string): SafetensorsHeader {
  return withFile(path, (file, size) => readHeader(path, file, size));
}

/**
 * The floating-point tensors of a safetensors file, each in its own buffer. Integer tensors, such as position_ids, are skipped.
 * @throws no-file, not-a-file, not-readable, lfs-pointer, bad-safetensors, bad-tensor
 */
export function readSafetensors(path: string): ReadonlyMap<string, Tensor> {
  return withFile(path, (file, size) => {
    const tensors = new Map<string, Tensor>();
    for (const [name, { dtype, shape, begin, end }] of readHeader(path, file, size).tensors) {
      const read = toFloat32[dtype];
      if (read) tensors.set(name, { dtype, shape, data: read(readBytes(path, file, begin, end)) });
    }
    return tensors;
  });
}

/**
 * A safetensors file, in pieces for writeFileAtomic: the same bytes for the same tensors in any order.
 * Float32 data is not copied: write the pieces before it changes.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>,
  dtype: "F32" | "F16",
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const names = [...tensors.keys()].sort();
  const entries: Record<string, unknown> = { __metadata__: { format: "pt", ...metadata } };
  const pieces: Uint8Array[] = [];
  let offset = 0;
  for (const name of names) {
    const { shape, data } = tensors.get(name)!;
    if (product(shape) !== data.length) throw new RangeError(`${name}: ${data.length} values do not fill [${shape}]`);
    const stored = dtype === "F16" ? toHalf(data) : data;
    entries[name] = { dtype, shape, data_offsets: [offset, offset + stored.byteLength] };
    offset += stored.byteLength;
    pieces.push(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
  }
  const json = Buffer.from(JSON.stringify(entries));
  const header = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, " ");
  header.writeBigUInt64LE(BigInt(header.length - 8));
  json.copy(header, 8);
  return [header, ...pieces];
}

function withFile<T>(path: string, use: (file: number, size: number) => T): T {
  checkFile(path, "weights in safetensors format", `Put the checkpoint's ${basename(path)} there.`);
  return reading(path, () => {
    const file = openSync(path, "r");
    try {
      return use(file, fstatSync(file).size);
    } finally {
      closeSync(file);
    }
  });
}

function readHeader(path: string, file: number, size: number): SafetensorsHeader {
  const bad = (problem: string) => fail("bad-safetensors", { file: path, problem });
  checkPointer(path, readBytes(path, file, 0, Math.min(size, 64)));
  if (size < 8) bad(`${size} bytes are too few for a header`);
  const length = Number(Buffer.from(readBytes(path, file, 0, 8).buffer).readBigUInt64LE());
  if (length > largestHeader) bad(`its header claims ${length} bytes; the limit is ${largestHeader}`);
  if (8 + length > size) bad(`it is truncated within its header (${size} of at least ${8 + length} bytes)`);
  const { __metadata__, ...listed } = parseHeader(readBytes(path, file, 8, 8 + length), bad);
  const metadata = metadataSchema.safeParse(__metadata__ ?? {});
  if (!metadata.success) bad("its __metadata__ must map strings to strings");
  const tensors = new Map(Object.entries(listed).map(([name, entry]) => [name, readEntry(path, name, entry, 8 + length, size)]));
  checkCoverage(path, tensors, 8 + length, size);
  return { metadata: metadata.data!, tensors };
}

function parseHeader(bytes: Uint8Array, bad: (problem: string) => never): Record<string, unknown> {
  try {
    return headerSchema.parse(parseBoundedJson(bytes, largestValues));
  } catch {
    return bad("its header is not a JSON object of tensors");
  }
}

function readEntry(path: string, tensor: string, entry: unknown, start: number, size: number): TensorEntry {
  const bad = (problem: string) => fail("bad-tensor", { file: path, tensor, problem });
  const parsed = entrySchema.safeParse(entry);
  if (!parsed.success) return bad("its entry must have dtype, shape and data_offsets");
  const { dtype, shape, data_offsets } = parsed.data;
  if (!Object.hasOwn(widths, dtype)) bad(`dtype ${JSON.stringify(dtype)} is unknown; expected one of ${Object.keys(widths).join(", ")}`);
  const [begin, end] = data_offsets;
  if (begin > end || start + end > size)
    bad(`its bytes ${begin} to ${end} lie outside the ${size - start} bytes of data; the file may be truncated`);
  const expected = product(shape) * widths[dtype as Dtype];
  if (end - begin !== expected) bad(`shape [${shape}] of ${dtype} needs ${expected} bytes; found ${end - begin}`);
  return { dtype: dtype as Dtype, shape, begin: start + begin, end: start + end };
}

/** Every byte of data belongs to exactly one tensor. */
function checkCoverage(path: string, tensors: ReadonlyMap<string, TensorEntry>, start: number, size: number): void {
  let covered = start;
  for (const [tensor, { begin, end }] of [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (begin < covered) fail("bad-tensor", { file: path, tensor, problem: "its bytes overlap another tensor's" });
    if (begin > covered) fail("bad-tensor", { file: path, tensor, problem: `${begin - covered} bytes before it belong to no tensor` });
    covered = end;
  }
  if (covered < size) fail("bad-safetensors", { file: path, problem: `its last ${size - covered} bytes belong to no tensor` });
}

function readBytes(path: string, file: number, begin: number, end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(end - begin);
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(file, bytes, done, Math.min(bytes.length - done, 2 ** 30), begin + done);
    if (read === 0) fail("bad-safetensors", { file: path, problem: "it shrank while it was read" });
    done += read;
  }
  return bytes;
}

function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
