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

  it("tells how long the line is and what was waited", async () => {
    const scorer = holdScorer();
    const queued: number[] = [];
    const inferred: number[] = [];
    const line = takeTurns(1, { queued: (s) => queued.push(s), inferred: (s) => inferred.push(s) });
    const turns = line.at(scorer);
    expect(line.expectedWait()).toBe(0);
    const first = turns.score([10]);
    scorer.release();
    await first;
    const more = [turns.score([10]), turns.score([10]), turns.score([10])];
    expect(line.expectedWait()).toBeCloseTo(2 * inferred[0]!, 10);
    for (const text of more) {
      await until(() => scorer.held === 1);
      scorer.release();
      await text;
    }
    expect(line.expectedWait()).toBe(0);
    expect(queued).toHaveLength(4);
    expect(inferred).toHaveLength(4);
  });
});
