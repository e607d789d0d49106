import { readFileSync } from "node:fs";
import { compiled } from "../system/package-files.js";

/** The SIMD loops of wasm/vector.ts. They work on four fixed arrays; data is copied in and out. Each worker thread has its own instance. */
interface VectorKernels {
  /** Elements of an array. */
  readonly capacity: number;
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

// TypeScript declares it for browsers only.
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

/** Cuts elements [begin, end) into ranges of at most `capacity`. */
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

/** Writes elements [begin, end) of the sum of the arrays to `out`; returns the sum of their squares. Arrays are added in order. */
export function sumArrays(arrays: readonly Float32Array[], begin: number, end: number, out: Float32Array): number {
  const [a, b] = kernels.arrays;
  let squares = 0;
  for (const [from, to] of pieces(begin, end)) {
    arrays.forEach((array, i) => {
      (i === 0 ? a : b).set(array.subarray(from, to));
      if (i > 0) kernels.add(to - from);
    });
    a.fill(0, to - from, to - from + 3); // the loops read four elements at a time
    squares += kernels.sumSquares(to - from);
    out.set(a.subarray(0, to - from), from - begin);
  }
  return squares;
}
