import type { Random } from "../lib/math/random.js";

/** Changes bytes. @param seeds other inputs, to take parts from */
type Edit = (random: Random, bytes: Buffer, seeds: readonly Buffer[]) => Buffer;

/** Bytes of the longest input. */
const longest = 2 << 20;

/** A damaged or hostile input: one of the seeds after one to three edits. The same for the same numbers. */
export function mutate(random: Random, seeds: readonly Buffer[]): Buffer {
  let bytes = pick(random, seeds);
  for (let left = 1 + random.int(3); left > 0; left--) bytes = pick(random, edits)(random, bytes, seeds).subarray(0, longest);
  return bytes;
}

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.int(values.length)]!;
}

const flipBits: Edit = (random, bytes) => {
  const changed = Buffer.from(bytes);
  for (let left = 1 + random.int(8); left > 0 && changed.length > 0; left--) changed[random.int(changed.length)]! ^= 1 << random.int(8);
  return changed;
};

const truncate: Edit = (random, bytes) => bytes.subarray(0, random.int(bytes.length + 1));

const remove: Edit = (random, bytes) => {
  const [begin, end] = drawRange(random, bytes);
  return Buffer.concat([bytes.subarray(0, begin), bytes.subarray(end)]);
};

const duplicate: Edit = (random, bytes) => {
  const [begin, end] = drawRange(random, bytes);
  const part = bytes.subarray(begin, end);
  const times = Math.min(pick(random, [1, 2, 10, 1000]), Math.floor(longest / Math.max(1, part.length)));
  return insert(bytes, end, Buffer.concat(new Array<Buffer>(times).fill(part)));
};

const splice: Edit = (random, bytes, seeds) => {
  const other = pick(random, seeds);
  const [begin, end] = drawRange(random, other);
  return random.int(2) === 0
    ? insert(bytes, random.int(bytes.length + 1), other.subarray(begin, end))
    : Buffer.concat([bytes.subarray(0, random.int(bytes.length + 1)), other.subarray(begin)]);
};

const numbers = "0 -1 1e308 1e999 -1e999 1e-999 2147483648 4294967296 9007199254740993 99999999999999999999 0.5 NaN 00 0x10 null".split(
  " ",
);

/** Writes another number in place of one in digits. */
const changeNumber: Edit = (random, bytes) => {
  const text = bytes.toString("latin1");
  const from = random.int(text.length + 1);
  const found = /\d+/.exec(text.slice(from));
  if (!found) return bytes;
  const begin = from + found.index;
  return Buffer.concat([bytes.subarray(0, begin), Buffer.from(pick(random, numbers)), bytes.subarray(begin + found[0].length)]);
};

/** Binary numbers that lie about a length: of 16, 32 and 64 bits, and as a varint. */
const lengths = [
  "ffff",
  "ff7f",
  "ffffffff",
  "ffffff7f",
  "00000080",
  "ffffffffffffff7f",
  "ffffffffffffffff",
  "0000000001000000",
  "00000000",
  "ffffffff0f",
  "ffffffffffffffffff01",
  "80808008",
].map((hex) => Buffer.from(hex, "hex"));

const lie: Edit = (random, bytes) => {
  const length = pick(random, lengths);
  const at = random.int(2) === 0 ? random.int(Math.min(64, bytes.length) + 1) : random.int(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), length, bytes.subarray(at + length.length)]);
};

const nest: Edit = (random, bytes) => {
  const depth = pick(random, [10, 1000, 100_000]);
  const [open, close] = pick(random, [["[", "]"], ['{"a":', "}"], ["(", ")"], ['"', '"'], ["\u001a\u0002", ""]] as const); // biome-ignore format: pairs
  const [begin, end] = drawRange(random, bytes);
  return Buffer.concat([
    bytes.subarray(0, begin),
    Buffer.from(open.repeat(depth)),
    bytes.subarray(begin, end),
    Buffer.from(close.repeat(depth)),
    bytes.subarray(end),
  ]);
};

const tokens = [
  ...['"', "\\", "\\ud800", "\\u0000", "\0", "\r\n\r\n", "\n", ",", ";", "\t", "{}", "[]", '""', "true", "null", "__proto__", "constructor", "%00", "%2e%2e%2f", "../", "\u202e", "e\u0301", "😀"].map((text) => Buffer.from(text)), // biome-ignore format: one line
  Buffer.from([0xff]),
  Buffer.from([0xff, 0xfe]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from("PK\x05\x06", "latin1"),
];

const addToken: Edit = (random, bytes) => insert(bytes, random.int(bytes.length + 1), pick(random, tokens));

const values: readonly unknown[] = [null, true, -1, 0, 0.5, 1e308, 2 ** 53, 2 ** 31, "", "x", "\ud800", "a".repeat(100_000), [], {}, [[]], [null], { __proto__: null }, new Array(2000).fill(0)]; // biome-ignore format: one line

/** Changes a value, a key or an item of JSON. Other bytes stay, and so does JSON that is too deep to be written. */
const changeJson: Edit = (random, bytes) => {
  try {
    return Buffer.from(JSON.stringify(changeValue(random, JSON.parse(bytes.toString()))));
  } catch {
    return bytes;
  }
};

function changeValue(random: Random, value: unknown): unknown {
  if (typeof value !== "object" || value === null || random.int(5) === 0) return pick(random, values);
  const entries = Object.entries(value);
  if (entries.length === 0) return pick(random, values);
  const at = random.int(entries.length);
  const [key, item] = entries[at]!;
  const change = random.int(12);
  if (change === 0) entries.splice(at, 1);
  else if (change === 1) entries.push([Array.isArray(value) ? key : `${key}2`, item]);
  else if (change === 2) entries[at] = [pick(random, ["", "__proto__", "x", key.toUpperCase()]), item];
  else entries[at] = [key, changeValue(random, item)];
  return Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

/** changeJson counts several times, as other edits of JSON are mostly refused by its parser. */
const edits: readonly Edit[] = [flipBits, truncate, remove, duplicate, splice, changeNumber, lie, nest, addToken, changeJson, changeJson, changeJson]; // biome-ignore format: one line

/** A part of the bytes, mostly short. */
function drawRange(random: Random, { length }: Buffer): readonly [begin: number, end: number] {
  const begin = random.int(length + 1);
  return [begin, Math.min(length, begin + random.int(pick(random, [4, 64, 4096, length + 1])))];
}

const insert = (bytes: Buffer, at: number, part: Buffer): Buffer => Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
