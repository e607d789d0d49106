import { describe, expect, it } from "vitest";
import { holdScorer, until } from "../../test/fakes.js";
import { takeTurns } from "./turns.js";

const unwatched = { queued: () => {}, inferred: () => {} };

describe("takeTurns", () => {
  it("hands on no more texts than it may, in order", async () => {
    const scorer = holdScorer();
    const turns = takeTurns(2, unwatched).at(scorer);
    const done: number[] = [];
    const all = [10, 11, 12, 13, 14].map((id) => turns.score([id]).then(() => done.push(id)));
    for (const count of [1, 2, 3, 4, 5]) {
      expect(scorer.held).toBe(Math.min(2, 6 - count));
      scorer.release();
      await until(() => done.length === count);
    }
    await Promise.all(all);
    expect(done).toEqual([10, 11, 12, 13, 14]);
  });

  it("computes nothing for those who left the line", async () => {
    const scorer = holdScorer();
    const turns = takeTurns(1, unwatched).at(scorer);
    const controller = new AbortController();
    const first = turns.score([10]);
    const left = turns.score([11], { signal: controller.signal });
    const last = turns.score([12]);
    controller.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    scorer.release();
    await first;
    await until(() => scorer.held === 1);
    scorer.release();
    await last;
    expect(scorer.seen).toBe(2);
    await expect(turns.score([13], { signal: controller.signal })).rejects.toThrow("gone");
  });

  it("passes the turn of a failed text on", async () => {
    let calls = 0;
    const failing = {
      ...holdScorer(),
      score: async () => {
        if (++calls === 1) throw new Error("broken");
        return 1;
      },
    };
    const turns = takeTurns(1, unwatched).at(failing);
    const first = turns.score([10]);
    const second = turns.score([11]);
    await expect(first).rejects.toThrow("broken");
    expect(await second).toBe(1);
    expect(await turns.score([12])).toBe(1);
  });

  it("tells what was waited, and how long the line is by the pace at which turns are passed on", async () => {
    const scorer = holdScorer();
    const [queued, inferred]: number[][] = [[], []];
    let time = 0;
    const line = takeTurns(2, { queued: (s) => queued!.push(s), inferred: (s) => inferred!.push(s) }, () => time);
    const turns = line.at(scorer);
    const pass = async (seconds: number) => {
      const done = inferred!.length;
      time += 1000 * seconds;
      scorer.release();
      await until(() => inferred!.length === done + 1);
    };
    const texts = Array.from({ length: 70 }, () => turns.score([10]));
    await pass(60); // all that came at once had to be read first
    for (let i = 0; i < 62; i++) await pass(0.25);
    expect(line.expectedWait()).toBe(0); // too few have told the pace
    await pass(0.25);
    expect(line.expectedWait()).toBeCloseTo(4 * 0.25, 10); // 4 wait
    for (let i = 0; i < 6; i++) await pass(0.25);
    await Promise.all(texts);
    expect(line.expectedWait()).toBe(0);
    expect(queued).toEqual([0, 0, ...Array.from({ length: 68 }, (_, i) => 60 + 0.25 * i)]);
    expect(inferred).toEqual([60, 60.25, ...Array(68).fill(0.5)]);
  });
});
