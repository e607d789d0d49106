import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { formatSeconds, showProgress } from "./progress.js";

let written = "";
const stream = new Writable({
  write(piece, _, done) {
    written += piece;
    done();
  },
}) as NodeJS.WriteStream;

beforeEach(() => {
  written = "";
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => vi.useRealTimers());

describe("progress without a terminal", () => {
  it("is a line every ten seconds, and one at the end", () => {
    const { update, stop } = showProgress("train", 60, "steps", 0, stream);
    for (let done = 1; done <= 60; done++) {
      vi.setSystemTime(done * 500);
      update(done, { loss: "0.5" });
    }
    stop();
    expect(written.split("\n").slice(0, -1)).toEqual([
      "train 20/60 (33 %), 2.00 steps/s, ETA 0:20, loss 0.5",
      "train 40/60 (66 %), 2.00 steps/s, ETA 0:10, loss 0.5",
      "train 60/60 (100 %), 2.00 steps/s, ETA 0:00, loss 0.5",
    ]);
  });

  it("computes the rate from this process's work only", () => {
    const { update } = showProgress("train", 1000, "steps", 900, stream);
    vi.setSystemTime(20_000);
    update(910);
    expect(written).toBe("train 910/1000 (91 %), 0.500 steps/s, ETA 3:00\n");
  });
});

it("formats seconds as minutes and hours", () => {
  expect([0, 75, 3700].map(formatSeconds)).toEqual(["0:00", "1:15", "1:01:40"]);
});
