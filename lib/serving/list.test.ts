import fc from "fast-check";
import { expect, it } from "vitest";
import { createList, type Link } from "./list.js";

interface Item extends Link {
  readonly id: number;
}

it("does what an array does", () => {
  const steps = fc.array(fc.tuple(fc.constantFrom("push", "unshift", "shift", "remove"), fc.nat(9)));
  fc.assert(
    fc.property(steps, (steps) => {
      const items = Array.from({ length: 10 }, (_, id): Item => ({ id }));
      const list = createList<Item>();
      let array: Item[] = [];
      for (const [step, id] of steps) {
        const item = items[id]!;
        if (step === "shift") expect(list.shift()).toBe(array.shift());
        else if (step === "remove") {
          list.remove(item);
          array = array.filter((other) => other !== item);
        } else if (!list.has(item)) {
          list[step](item);
          array[step](item);
        }
        expect(list.length).toBe(array.length);
        for (const item of items) expect(list.has(item)).toBe(array.includes(item));
      }
      expect(Array.from(array, () => list.shift())).toEqual(array);
    }),
  );
});
