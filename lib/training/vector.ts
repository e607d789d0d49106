import { readFileSync } from "node:fs";
import { compiled } from "../system/package-files.js";

/** Loops of wasm/vector.ts over arrays that are copied in and out; a worker thread has its own. */
export interface VectorKernels {
  /** Elements that fit at once. */
  readonly capacity: number;
  /** The arrays the loops work on. */
  readonly arrays: readonly [Float32Array, Float32Array, Float32Array, Float32Array];
  add(count: number): void;
  sumSquares(count: number): number;
  // biome-ignore format: one line
  adamw(count: number, scale: number, beta1: number, new1: number, beta2: number, new2: number, kept: number, rate: number, epsilon: number): void;
}

interface Exports extends Omit<VectorKernels, "capacity" | "arrays"> {
  readonly capacity: { readonly value: number };
  readonly memory: { readonly buffer: ArrayBuffer };
}

// TypeScript declares it for browsers alone.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

export const kernels: VectorKernels = loadKernels();

function loadKernels(): VectorKernels {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(compiled("lib/training/vector", ".wasm"))));
  const { capacity, memory, add, sumSquares, adamw } = exports as Exports;
  const array = (index: number) => new Float32Array(memory.buffer, index * capacity.value * 4, capacity.value);
  return { capacity: capacity.value, arrays: [array(0), array(1), array(2), array(3)], add, sumSquares, adamw };
}

/** Pieces of at most `capacity` of the elements [begin, end). */
export function* pieces(begin: number, end: number): Generator<readonly [number, number]> {
  for (let at = begin; at < end; at += kernels.capacity) yield [at, Math.min(end, at + kernels.capacity)];
}

/** sums[offset + i] += values[i] */
export function addTo(sums: Float32Array, offset: number, values: Float32Array): void {
  const [a, b] = kernels.arrays;
  for (const [from, to] of pieces(0, values.length)) {
    const target = sums.subarray(offset + from, offset + to);
    a.set(target);
    b.set(values.subarray(from, to));
    kernels.add(to - from);
    target.set(a.subarray(0, to - from));
  }
}

/** Elements [begin, end) of the sum of arrays, in their order, into `out`; answers its sum of squares. */
export function sumArrays(arrays: readonly Float32Array[], begin: number, end: number, out: Float32Array): number {
  const [a, b] = kernels.arrays;
  let squares = 0;
  for (const [from, to] of pieces(begin, end)) {
    arrays.forEach((array, i) => {
      (i === 0 ? a : b).set(array.subarray(from, to));
      if (i > 0) kernels.add(to - from);
    });
    a.fill(0, to - from, to - from + 3); // loops take four elements at a time
    squares += kernels.sumSquares(to - from);
    out.set(a.subarray(0, to - from), from - begin);
  }
  return squares;
}
