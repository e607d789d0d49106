import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Log } from "../../lib/cli/log.js";
import { removeLeftovers } from "../../lib/storage/files.js";
import { workOnFullDisk, workUntil } from "../../test/fault-injection.js";
import { loadState, markDiverged, passedBy, removeState, saveState } from "./state.js";

let out: string;
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "readability-state-"));
  warn.mockClear();
});
afterEach(() => rmSync(out, { recursive: true, force: true }));

const warn = vi.fn();
const log = { warn } as unknown as Log;
const run = { lr: 0.1, epochs: 2 };
const current = () => join(out, "training-state.safetensors");
const previous = () => join(out, "training-state-previous.safetensors");

/** A state of which every number tells its step. */
const stateAt = (step: number) => ({
  parameters: new Float32Array(100).fill(step),
  firstMoments: new Float32Array(100).fill(step + 0.25),
  secondMoments: new Float32Array(100).fill(step + 0.5),
});
const historyAt = (step: number) => ({ steps: [], epochs: [{ epoch: step, training_loss: 1, validation_loss: 4, rmse: 2 }] });
const save = (step: number, identity = run) => saveState(out, stateAt(step), { step, history: historyAt(step) }, identity);

/** Loads, and checks that what is loaded is of one step; 0 where there is no state. */
function load(identity = run): number {
  const state = stateAt(0);
  const saved = loadState(out, state, identity, log);
  expect(state).toEqual(stateAt(saved?.step ?? 0));
  if (saved) expect(saved.history).toEqual(historyAt(saved.step));
  return saved?.step ?? 0;
}

describe("the saved state", () => {
  it("is the last one, bit by bit, and the one before it is kept", () => {
    expect(load()).toBe(0);
    for (const step of [1, 2, 3]) {
      save(step);
      expect(load()).toBe(step);
    }
    copyFileSync(previous(), current());
    expect(load()).toBe(2);
    removeState(out);
    expect(readdirSync(out)).toEqual([]);
  });

  it("is after a kill at any instant of the next save the old or the new one", () => {
    const seen = new Set<number>();
    for (let last = 1; ; last++) {
      removeState(out);
      save(1);
      save(2);
      const ended = workUntil(last, () => save(3));
      const step = load();
      expect([2, 3]).toContain(step);
      seen.add(step);
      removeLeftovers(out);
      save(4); // goes on from there
      expect(load()).toBe(4);
      expect(existsSync(previous())).toBe(true);
      expect(warn).not.toHaveBeenCalled();
      if (ended) break;
    }
    expect([...seen]).toEqual([2, 3]);
  });

  it("stands on a full disk, and the error says what to do", () => {
    save(1);
    for (let at = 1; at <= 4; at++) {
      expect(() => workOnFullDisk(at, "ENOSPC", () => save(2))).toThrow(/No space left to write .*training-state.*Free some .* unchanged/);
      expect(load()).toBe(1);
    }
    expect(readdirSync(out)).toEqual(["training-state.safetensors"]);
    expect(() => workOnFullDisk(1, "EROFS", () => save(2))).toThrow(/Cannot write .*training-state.*: EROFS.*Grant write access/);
  });
});

describe("a damaged state", () => {
  const damages = {
    "a flipped bit of a number": (file: string) => flip(file, -50),
    "a flipped bit of its texts": (file: string) => flip(file, readFileSync(file).indexOf("epoch")),
    "an end that is missing": (file: string) => truncateSync(file, 700),
    "nothing in it": (file: string) => truncateSync(file, 0),
    "a history of another form": (file: string) => writeOther(file),
    "zeros in it": (file: string) => writeFileSync(file, new Uint8Array(2000)),
  };
  const flip = (file: string, at: number) => {
    const bytes = readFileSync(file);
    bytes[at < 0 ? bytes.length + at : at]! ^= 1;
    writeFileSync(file, bytes);
  };

  const writeOther = (file: string) => {
    const other = join(out, "other");
    saveState(other, stateAt(9), { step: 9, history: { steps: [{}], epochs: [] } as never }, run);
    copyFileSync(join(other, "training-state.safetensors"), file);
  };

  it.each(Object.entries(damages))("with %s is passed over for the one before it, and named", (_, damage) => {
    save(1);
    save(2);
    damage(current());
    expect(load()).toBe(1);
    expect(warn.mock.lastCall?.[0]).toMatch(
      /training-state\.safetensors.*Continuing from the previous state, .*training-state-previous\.safetensors/,
    );
    damage(previous());
    expect(() => load()).toThrow(
      /No saved state in .* can be used\. .*state\.safetensors.*state-previous\.safetensors.*leave out --resume/s,
    );
  });
});

describe("another run's state", () => {
  it("is refused, with what differs", () => {
    save(1);
    expect(() => load({ lr: 0.2, epochs: 3 })).toThrow(/was saved by a different run: lr was 0.1, is 0.2; epochs was 2, is 3/);
    expect(() => load({ lr: 0.05, epochs: 2 })).toThrow(/lr was 0.1, is 0.05/);
  });

  it("of another number of workers or processor is continued if asked to, and the log says what is given up", () => {
    const [before, now] = [{ ...run, workers: 2, processor: "A" }, { ...run, workers: 4, processor: "B" }]; // biome-ignore format: one line
    save(1, before);
    const passed = passedBy({ resumeAnyway: true });
    const resume = (identity: typeof before, passed?: readonly string[]) => loadState(out, stateAt(0), identity, log, passed)?.step;
    expect(() => resume(now)).toThrow(/workers was 2, is 4; processor was A, is B\. .* or go on without them with --resume-anyway/);
    expect(() => resume({ ...now, lr: 1 }, passed)).toThrow(/a different run: lr was 0.1, is 1\. Use the same options/);
    expect(resume(before, passed)).toBe(1);
    expect(warn).not.toHaveBeenCalled();
    expect(resume(now, passed)).toBe(1);
    expect(warn.mock.lastCall?.[0]).toBe(
      "continuing although workers was 2, is 4; processor was A, is B: the result is not bit for bit that of an uninterrupted run",
    );
  });

  it("and a damaged record of a diverged step is named", () => {
    save(3);
    writeFileSync(join(out, ".diverged.json"), '{"step": 5}');
    expect(() => load()).toThrow(/\.diverged\.json is invalid: lr is missing\. Delete it and resume/);
  });

  it("of one that diverged goes on at a lower learning rate alone, once and for all", () => {
    expect(markDiverged(out, 1, run)).toBe("No state was saved before it. Start over with a lower --lr.");
    save(3);
    expect(markDiverged(out, 5, run)).toMatch(
      /To continue from .*training-state\.safetensors, saved after step 3, use --resume and a lower --lr\./,
    );
    expect(() => load()).toThrow(/Step 5 of the run in .* diverged with --lr 0.1 .*Lower --lr to continue after step 3/);
    expect(() => load({ lr: 0.2, epochs: 2 })).toThrow(/Lower --lr/);
    expect(() => load({ lr: 0.05, epochs: 3 })).toThrow(/a different run: epochs was 2, is 3/);
    expect(load({ lr: 0.05, epochs: 2 })).toBe(3);
    save(4, { lr: 0.05, epochs: 2 });
    expect(load({ lr: 0.05, epochs: 2 })).toBe(4);
    expect(() => load({ lr: 0.01, epochs: 2 })).toThrow(/lr was 0.05, is 0.01/);
  });
});
