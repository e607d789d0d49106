import { describe, expect, it } from "vitest";
import { createTextCache, levelOf, mergeEffects, type PassageResult, rankHardest } from "./effects.js";

it("has no level below the noise floor", () => {
  expect([-1, 0.044, 0.05, 0.0996, 0.25].map(levelOf)).toEqual([0, 0, 1, 2, 3]);
});

describe("mergeEffects", () => {
  const known = createTextCache<PassageResult>(10);
  known.set("One. Two.", {
    score: 0,
    sentences: [
      { start: 0, end: 4, effect: 0.3 },
      { start: 5, end: 9, effect: null },
    ],
  });

  it("places the effects of known passages, and leaves out sentences that are all of theirs", () => {
    const passages = [{ start: 3, end: 12 }];
    expect(mergeEffects("...One. Two.", passages, known, [])).toEqual([{ start: 3, end: 7, effect: 0.3, stale: false }]);
  });

  it("keeps what was shown for the others, marked as stale, without the sentence that was edited", () => {
    const shown = [
      { start: 0, end: 4, effect: 0.3, stale: false },
      { start: 5, end: 9, effect: 0.2, stale: false },
    ];
    const edit = { start: 1, removed: "", inserted: "h" };
    expect(mergeEffects("Ohne. Two.", [{ start: 0, end: 10 }], known, shown, edit)).toEqual([
      { start: 6, end: 10, effect: 0.2, stale: true },
    ]);
  });
});

it("ranks the hardest first and leaves out noise", () => {
  const effects = [0.01, 0.2, 0.3].map((effect, i) => ({ start: i, end: i + 1, effect, stale: false }));
  expect(rankHardest(effects).map(({ effect }) => effect)).toEqual([0.3, 0.2]);
});

it("a cache drops what was not used for longest", () => {
  const cache = createTextCache<number>(2);
  cache.set("a", 1);
  cache.set("b", 2);
  cache.get("a");
  cache.set("c", 3);
  expect(["a", "b", "c"].map(cache.has)).toEqual([true, false, true]);
});
