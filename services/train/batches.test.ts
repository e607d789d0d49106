import fc from "fast-check";
import { expect, it } from "vitest";
import { createRandom } from "../../lib/math/random.js";
import { batches, lastStep } from "./batches.js";
import { streams } from "./streams.js";

const examplesOf = (count: number) => Array.from({ length: count }, (_, i) => ({ id: `${i}`, ids: [2, i, 3], target: 0 }));
const idsOf = (batch: { readonly examples: readonly { readonly id: string }[] }) => batch.examples.map(({ id }) => Number(id));

const plan = fc.record({
  count: fc.integer({ min: 4, max: 40 }),
  batch: fc.integer({ min: 1, max: 4 }),
  epochs: fc.integer({ min: 1, max: 4 }),
  maxSteps: fc.integer({ min: 0, max: 50 }),
  seed: fc.nat(),
});

it("each epoch has every example once at most, in an order that depends on seed and epoch only", () => {
  fc.assert(
    fc.property(plan, ({ count, ...settings }) => {
      const all = [...batches(examplesOf(count), settings, 0)];
      expect(all.map(({ step }) => step)).toEqual(all.map((_, i) => i + 1));
      expect(all.length).toBe(lastStep(settings, count));
      for (const epoch of new Set(all.map(({ epoch }) => epoch))) {
        const order = createRandom(settings.seed, streams.order, epoch).shuffle([...Array(count).keys()]);
        const seen = all.filter((batch) => batch.epoch === epoch).flatMap(idsOf);
        expect(seen).toEqual(order.slice(0, seen.length));
      }
    }),
  );
});

it("an epoch drops its partial batch and ends with its last whole one, or with the run's last step", () => {
  const ends = (maxSteps: number) =>
    [...batches(examplesOf(11), { seed: 0, batch: 2, epochs: 3, maxSteps }, 0)]
      .filter(({ endsEpoch }) => endsEpoch)
      .map(({ step }) => step);
  expect(ends(0)).toEqual([5, 10, 15]);
  expect(ends(7)).toEqual([5, 7]);
});

it("a resumed run gets the batches that are left, with the same dropout seeds", () => {
  fc.assert(
    fc.property(plan, fc.nat(), ({ count, ...settings }, position) => {
      const all = [...batches(examplesOf(count), settings, 0)];
      const stepsBefore = position % (all.length + 1);
      expect([...batches(examplesOf(count), settings, stepsBefore)]).toEqual(all.slice(stepsBefore));
    }),
  );
});
