import { addConstant, type Graph, type Value } from "../onnx/graph.js";
import { first, reshape, sub } from "../onnx/ops.js";

/**
 * The bucket of a distance from query to key, with separate buckets for both directions. Each small distance has its own bucket, larger
 * ones share buckets of logarithmic width, and all from 128 on share the last (Raffel et al. 2020, as in transformers' MPNet).
 */
export function bucketOf(distance: number, buckets: number): number {
  const half = buckets / 2;
  const exact = half / 2;
  const size = Math.abs(distance);
  const far = exact + Math.floor((Math.log(size / exact) / Math.log(128 / exact)) * (half - exact));
  return (distance > 0 ? half : 0) + (size < exact ? size : Math.min(half - 1, far));
}

/** The bucket of each distance from -(positions - 1) to positions - 1. */
export function listBuckets(positions: number, buckets: number): readonly number[] {
  return Array.from({ length: 2 * positions - 1 }, (_, i) => bucketOf(i - positions + 1, buckets));
}

/** [sequence, sequence] int64: for each query and key, the index of their distance in `listBuckets`. */
export function pairDistances(graph: Graph, positions: number): Value {
  const range = BigInt64Array.from({ length: positions }, (_, i) => BigInt(i));
  const places = first(addConstant(graph, "int64", [positions], range, "positions"), 0, "sequence");
  return sub(places, sub(reshape(places, ["sequence", 1]), positions - 1));
}
