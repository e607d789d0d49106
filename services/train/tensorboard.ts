import { defineMessage, encodeMessage } from "../../lib/storage/protobuf.js";

// The messages of TensorBoard's event.proto and summary.proto, with the fields that scalars need.
const event = defineMessage({ wallTime: [1, "double"], step: [2, "int64"], fileVersion: [3, "string"], summary: [5, "message"] });
const summary = defineMessage({ value: [1, "messages"] });
const summaryValue = defineMessage({ tag: [1, "string"], simpleValue: [2, "float"] });

/** What an event file starts with. @param wallTime seconds since the epoch */
export function encodeStart(wallTime: number): Uint8Array {
  return frameRecord(encodeMessage(event({ wallTime, fileVersion: "brain.Event:2" })));
}

/** Values of a step by their names, as `{ "train/loss": 0.31 }`. @param wallTime seconds since the epoch */
export function encodeScalars(wallTime: number, step: number, scalars: Readonly<Record<string, number>>): Uint8Array {
  const value = Object.entries(scalars).map(([tag, simpleValue]) => summaryValue({ tag, simpleValue }));
  return frameRecord(encodeMessage(event({ wallTime, step, summary: summary({ value }) })));
}

const polynomial = 0x82f63b78; // Castagnoli's, bits reversed
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
  return value;
});

/** CRC-32C (RFC 3720, B.4), as an unsigned number. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** TFRecord hides its checksums, so that a checksum of a record that holds records is not a constant. */
const mask = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

/** A record of a TFRecord file: length, its checksum, the data, their checksum; little-endian. */
export function frameRecord(data: Uint8Array): Uint8Array {
  const record = Buffer.alloc(8 + 4 + data.length + 4);
  record.writeBigUInt64LE(BigInt(data.length));
  record.writeUInt32LE(mask(crc32c(record.subarray(0, 8))), 8);
  record.set(data, 12);
  record.writeUInt32LE(mask(crc32c(data)), 12 + data.length);
  return record;
}
