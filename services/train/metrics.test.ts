import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type EpochResult, eventsFile, metricsFile, openMetrics, type StepMetrics } from "./metrics.js";

let out: string;
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "readability-metrics-"));
});
afterEach(() => rmSync(out, { recursive: true, force: true }));

const stepAt = (step: number): StepMetrics => ({
  ...{ step, epoch: Math.ceil(step / 2), loss: 1 / step, learning_rate: 0.001 },
  ...{ gradient_norm: step / 3, tokens: 100 + step, seconds: 0.5 },
});
const epochAt = (epoch: number): EpochResult => ({
  epoch,
  training_loss: 1 / epoch,
  validation_loss: 2 / epoch,
  rmse: Math.sqrt(2 / epoch),
});
const measure = (from: number, to: number, metrics: ReturnType<typeof openMetrics>) => {
  for (let step = from; step <= to; step++) {
    metrics.add(stepAt(step));
    if (step % 2 === 0) metrics.addEpoch(epochAt(step / 2));
  }
};
const readLines = () => readFileSync(join(out, metricsFile), "utf8");

/** The records of the event file without their times, which are the first thing after each length and its checksum. */
function readEvents(): string[] {
  const bytes = readFileSync(join(out, eventsFile));
  const records: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    records.push(bytes.subarray(at + 12 + 9, at + 12 + length).toString("hex"));
    at += 12 + length + 4;
  }
  return records;
}

it("a resumed run's files are those of one that never stopped, whatever became of their ends", () => {
  measure(1, 7, openMetrics(out, { steps: [], epochs: [] }));
  const [lines, events] = [readLines(), readEvents()];
  expect(lines.trim().split("\n").map((line) => JSON.parse(line) as StepMetrics)).toEqual([1, 2, 3, 4, 5, 6, 7].map(stepAt)); // biome-ignore format: one line
  expect(events).toHaveLength(1 + 7 + 3);

  const history = { steps: [1, 2, 3, 4].map(stepAt), epochs: [1, 2].map(epochAt) };
  for (const torn of ["", '{"step":8,"ep', "\0\0\0\0"]) {
    appendFileSync(join(out, metricsFile), torn);
    appendFileSync(join(out, eventsFile), torn);
    measure(5, 7, openMetrics(out, history));
    expect(readLines()).toBe(lines);
    expect(readEvents()).toEqual(events);
  }
});

it("an epoch whose evaluation is still to come has no values yet", () => {
  openMetrics(out, { steps: [1, 2].map(stepAt), epochs: [] }).addEpoch(epochAt(1));
  const late = readEvents();
  openMetrics(out, { steps: [1, 2].map(stepAt), epochs: [epochAt(1)] });
  expect(readEvents()).toEqual(late);
});
