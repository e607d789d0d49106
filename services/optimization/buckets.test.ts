import { expect, it } from "vitest";
import { listBuckets } from "./buckets.js";

it.each([
  [30, [30]],
  [64, [64]],
  [256, [64, 128, 192, 256]],
  [300, [64, 128, 192, 256, 300]],
])("lists lengths up to %i", (maxLength, buckets) => {
  expect(listBuckets(maxLength)).toEqual(buckets);
});
