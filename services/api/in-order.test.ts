import { expect, it } from "vitest";
import { until } from "../../test/fakes.js";
import { workInOrder } from "./in-order.js";

/** A stream whose items and results come when told to. */
function build(most: { items: number; size: number }) {
  const feed: ((item: IteratorResult<number>) => void)[] = [];
  const finish = new Map<number, () => void>();
  let returned = false;
  const items = {
    next: () => new Promise<IteratorResult<number>>((resolve) => feed.push(resolve)),
    return: async () => {
      returned = true;
      return { value: undefined, done: true as const };
    },
  };
  const work = (item: number) => new Promise<number>((resolve) => finish.set(item, () => resolve(item)));
  const results = workInOrder(items, most, (item) => item, work);
  return {
    results,
    finish,
    get isReading() {
      return feed.length > 0;
    },
    get returned() {
      return returned;
    },
    send: async (item: number) => {
      await until(() => feed.length > 0);
      feed.shift()!({ value: item, done: false });
      await until(() => finish.has(item));
    },
    end: async () => {
      await until(() => feed.length > 0);
      feed.shift()!({ value: undefined, done: true });
    },
  };
}

it("yields results in the order of their items, each as soon as it can", async () => {
  const stream = build({ items: 3, size: 100 });
  const first = stream.results.next();
  for (const item of [1, 2, 3]) await stream.send(item);
  expect(stream.isReading).toBe(false); // three are in flight
  stream.finish.get(2)!();
  stream.finish.get(1)!();
  expect(await first).toEqual({ value: 1, done: false }); // although more items may come
  expect(await stream.results.next()).toEqual({ value: 2, done: false });
  const third = stream.results.next();
  await stream.end();
  stream.finish.get(3)!();
  expect(await third).toEqual({ value: 3, done: false });
  expect(await stream.results.next()).toEqual({ value: undefined, done: true });
});

it("bounds the size of what is in flight, but takes one item of any size", async () => {
  const stream = build({ items: 10, size: 100 });
  const first = stream.results.next();
  await stream.send(99);
  await stream.send(5000);
  expect(stream.isReading).toBe(false);
  stream.finish.get(99)!();
  await first;
  const second = stream.results.next();
  expect(stream.isReading).toBe(false);
  stream.finish.get(5000)!();
  expect((await second).value).toBe(5000);
});

it("reads nothing while nobody takes the results, and tells its source when they are not wanted", async () => {
  const stream = build({ items: 1, size: 100 });
  const first = stream.results.next();
  await stream.send(1);
  stream.finish.get(1)!();
  await first;
  expect(stream.isReading).toBe(false);
  await stream.results.return(undefined);
  expect(stream.returned).toBe(true);
});
