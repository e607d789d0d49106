import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { writeFileAtomic } from "./files.js";
import { encodeSafetensors, readSafetensors, readSafetensorsHeader } from "./safetensors.js";

const folder = mkdtempSync(join(tmpdir(), "safetensors-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "model.safetensors");

function place(header: unknown, data: Uint8Array = new Uint8Array(0), length?: number): void {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(length ?? json.length));
  writeFileSync(file, Buffer.concat([size, json, data]));
}

const tensors = fc.dictionary(
  fc.string({ minLength: 1 }).filter((name) => name !== "__metadata__" && name !== "__proto__"),
  fc
    .array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 })
    .chain((shape) =>
      fc
        .float32Array({ minLength: shape.reduce((a, b) => a * b, 1), maxLength: shape.reduce((a, b) => a * b, 1) })
        .map((data) => ({ shape, data })),
    ),
);

describe("encodeSafetensors", () => {
  it("gives what readSafetensors reads back, bit for bit", () => {
    fc.assert(
      fc.property(tensors, (tensors) => {
        writeFileAtomic(file, encodeSafetensors(new Map(Object.entries(tensors)), "F32"));
        const read = readSafetensors(file);
        expect([...read.keys()].sort()).toEqual(Object.keys(tensors).sort());
        for (const [name, { shape, data }] of Object.entries(tensors)) {
          expect(read.get(name)!.shape).toEqual(shape);
          expect(Buffer.from(read.get(name)!.data.buffer).equals(Buffer.from(data.buffer))).toBe(true);
        }
      }),
    );
  });

  it("writes the same bytes whatever the order, padded to 8, with its metadata", () => {
    const a = { shape: [2], data: Float32Array.of(1, 2) };
    const b = { shape: [], data: Float32Array.of(3) };
    const one = Buffer.concat(encodeSafetensors(new Map([["b", b], ["a", a]]), "F32", { step: "7" })); // biome-ignore format: one line
    const other = Buffer.concat(encodeSafetensors(new Map([["a", a], ["b", b]]), "F32", { step: "7" })); // biome-ignore format: one line
    expect(one.equals(other)).toBe(true);
    expect(Number(one.readBigUInt64LE()) % 8).toBe(0);
    writeFileSync(file, one);
    expect(readSafetensorsHeader(file).metadata).toEqual({ format: "pt", step: "7" });
  });

  it("rounds to float16, which is read widened", () => {
    const data = Float32Array.of(1, -0.1, 65519, 70000, 2 ** -24, Number.NaN);
    writeFileAtomic(file, encodeSafetensors(new Map([["w", { shape: [6], data }]]), "F16"));
    const read = readSafetensors(file).get("w")!;
    expect(read.dtype).toBe("F16");
    expect([...read.data]).toEqual([1, -0.0999755859375, 65504, Infinity, 2 ** -24, Number.NaN]);
  });

  it("writes what lies in shared memory", () => {
    const data = new Float32Array(new SharedArrayBuffer(8));
    data.set([5, 6]);
    writeFileAtomic(file, encodeSafetensors(new Map([["w", { shape: [2], data }]]), "F32"));
    expect([...readSafetensors(file).get("w")!.data]).toEqual([5, 6]);
  });

  it("refuses a shape that the data does not fill", () => {
    expect(() => encodeSafetensors(new Map([["w", { shape: [3], data: Float32Array.of(1) }]]), "F32")).toThrow(RangeError);
  });
});

describe("readSafetensors", () => {
  it("widens F64 and BF16 and leaves integers out, whatever their order and alignment", () => {
    const data = Buffer.alloc(21);
    data.writeUInt8(1, 0);
    data.writeDoubleLE(0.1, 1);
    data.writeUInt16LE(0x3fc0, 9);
    place(
      {
        mask: { dtype: "BOOL", shape: [1], data_offsets: [0, 1] },
        half: { dtype: "BF16", shape: [1, 1], data_offsets: [9, 11] },
        double: { dtype: "F64", shape: [], data_offsets: [1, 9] },
        ids: { dtype: "I64", shape: [1], data_offsets: [11, 19] },
        empty: { dtype: "F32", shape: [0, 4], data_offsets: [19, 19] },
        last: { dtype: "U8", shape: [2], data_offsets: [19, 21] },
      },
      data,
    );
    const read = readSafetensors(file);
    expect([...read.keys()].sort()).toEqual(["double", "empty", "half"]);
    expect([...read.get("double")!.data]).toEqual([Math.fround(0.1)]);
    expect([...read.get("half")!.data]).toEqual([1.5]);
    expect(readSafetensorsHeader(file).tensors.get("ids")).toMatchObject({ dtype: "I64", shape: [1] });
  });

  const f32 = (shape: number[], begin: number, end: number) => ({ dtype: "F32", shape, data_offsets: [begin, end] });
  const emptyTensors = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, f32([0], 0, 0)]));
  const cases: readonly (readonly [what: string, place: () => void, message: RegExp])[] = [
    ["an empty file", () => writeFileSync(file, ""), /0 bytes are too few/],
    ["a text", () => writeFileSync(file, "Once upon a time there was a header"), /header claims \d+ bytes; the limit/],
    ["a Git LFS pointer", () => writeFileSync(file, "version https://git-lfs.github.com/spec/v1\noid sha256:00"), /git lfs pull/],
    ["a file that ends within its header", () => place({ w: f32([1], 0, 4) }, new Uint8Array(0), 5000), /truncated within its header/],
    ["a header that is no JSON", () => place('{"w": '), /not a JSON object/],
    ["a header that is a list", () => place("[1]"), /not a JSON object/],
    ["a header of brackets", () => place("[".repeat(2_000_000)), /not a JSON object/],
    ["a header of 150,000 empty tensors", () => place(emptyTensors(150_000)), /not a JSON object|header claims/],
    ["a header of 20 MB", () => place(" ".repeat(20 << 20)), /header claims 20971520 bytes; the limit/],
    ["metadata that is no table of texts", () => place({ __metadata__: { step: 7 } }), /__metadata__/],
    ["an entry without a shape", () => place({ w: { dtype: "F32", data_offsets: [0, 0] } }), /tensor "w": its entry/],
    ["a negative offset", () => place({ w: f32([1], -4, 0) }, new Uint8Array(4)), /tensor "w": its entry/],
    [
      "an unknown type",
      () => place({ w: { ...f32([1], 0, 1), dtype: "F8_E4M3" } }, new Uint8Array(1)),
      /tensor "w": dtype "F8_E4M3" is unknown/,
    ],
    ["truncated data", () => place({ w: f32([2], 0, 8) }, new Uint8Array(7)), /tensor "w": .*outside the 7 bytes.*truncated/],
    [
      "a shape of another length",
      () => place({ w: f32([3], 0, 8) }, new Uint8Array(8)),
      /tensor "w": shape \[3\] of F32 needs 12 bytes; found 8/,
    ],
    ["overlaps", () => place({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, new Uint8Array(8)), /tensor "b": its bytes overlap/],
    ["holes", () => place({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, new Uint8Array(12)), /tensor "b": 4 bytes before it/],
    ["bytes left over", () => place({ a: f32([1], 0, 4) }, new Uint8Array(6)), /last 2 bytes belong to no tensor/],
  ];
  it.each(cases)("refuses %s", (_, place, message) => {
    place();
    expect(() => readSafetensors(file)).toThrow(message);
    expect(() => readSafetensors(file)).toThrow(file);
    expect(() => readSafetensorsHeader(file)).toThrow(message);
  });

  it("names a missing file", () => {
    expect(() => readSafetensors(join(folder, "none.safetensors"))).toThrow(/none\.safetensors not found.*Put/);
  });

  it("reads or refuses any bytes, and never fails otherwise", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.string({ maxLength: 20 }), (bytes, json) => {
        for (const make of [() => writeFileSync(file, bytes), () => place(json, bytes)]) {
          make();
          try {
            readSafetensors(file);
          } catch (error) {
            expect(error).toMatchObject({ name: "ReadabilityError" });
          }
        }
      }),
    );
  });
});
