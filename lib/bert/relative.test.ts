import { expect, it } from "vitest";
import { bucketOf, listBuckets } from "./relative.js";

it("gives transformers' buckets: these are the distances with which each begins", () => {
  const starts = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91, Number.POSITIVE_INFINITY];
  for (let distance = 0; distance < 600; distance++) {
    const bucket = starts.findIndex((start) => start > distance) - 1;
    expect(bucketOf(-distance, 32), `${distance} back`).toBe(bucket);
    expect(bucketOf(distance, 32), `${distance} on`).toBe(distance === 0 ? 0 : 16 + bucket);
  }
});

it("lists those of every distance between positions", () => {
  expect(listBuckets(3, 32)).toEqual([2, 1, 0, 17, 18]);
});
