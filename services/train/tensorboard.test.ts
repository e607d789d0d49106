import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { crc32c, encodeScalars, encodeStart, frameRecord } from "./tensorboard.js";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

it("CRC-32C gives the values of RFC 3720, B.4, and the usual check value", () => {
  const cases = [
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(255), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    [Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    [Buffer.from("123456789"), 0xe3069283],
    [new Uint8Array(0), 0],
  ] as const;
  for (const [bytes, expected] of cases) expect(crc32c(bytes)).toBe(expected);
});

it("frames a record as TensorBoard does", () => {
  expect(hex(frameRecord(new Uint8Array(0)))).toBe("000000000000000029039807d8ea82a2");
});

it("writes a step's scalars as TensorBoard does", () => {
  expect(hex(encodeScalars(1.5, 3, { "train/loss": 0.25 }))).toBe(
    "200000000000000029eda95009000000000000f83f10032a130a110a0a747261696e2f6c6f7373150000803e43301b92",
  );
});

const python = process.env.PYTHON ?? "python3";
const reader = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1])
events.Reload()
tags = sorted(events.Tags()["scalars"])
print(json.dumps({tag: [[e.wall_time, e.step, e.value] for e in events.Scalars(tag)] for tag in tags}))
`;
const hasTensorboard = spawnSync(python, ["-c", "import tensorboard"]).status === 0;

it.skipIf(!hasTensorboard)("is read by TensorBoard's own reader", () => {
  const folder = mkdtempSync(join(tmpdir(), "readability-events-"));
  try {
    const steps = Array.from({ length: 300 }, (_, i) => i + 1);
    const file = [encodeStart(10), ...steps.map((step) => encodeScalars(10 + step, step, { "train/loss": 1 / step, "train/norm": step }))];
    writeFileSync(join(folder, "events.out.tfevents.0"), Buffer.concat(file));
    const { stdout, stderr } = spawnSync(python, ["-c", reader, folder], { encoding: "utf8" });
    const read = JSON.parse(stdout || stderr) as unknown;
    expect(read).toEqual({
      "train/loss": steps.map((step) => [10 + step, step, Math.fround(1 / step)]),
      "train/norm": steps.map((step) => [10 + step, step, step]),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
