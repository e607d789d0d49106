/** Pseudorandom numbers that depend on their seed and stream alone. */
export interface Random {
  /** Uniform in [0, 1), all 53 bits. */
  uniform(): number;
  /** Normal with mean 0 and standard deviation 1. */
  normal(): number;
  /** A whole number in [0, n), with n at most 2^32. */
  int(n: number): number;
  /** Shuffles the array in place and returns it. */
  shuffle<T>(array: T[]): T[];
}

/**
 * The generator of a seed and a stream, xoshiro128** 1.1 (Blackman & Vigna 2018). `createRandom(seed, epoch)` is always the same, so its
 * state need not be stored.
 * @param seed and stream: whole numbers
 */
export function createRandom(seed: number, ...stream: readonly number[]): Random {
  const next = xoshiro128(seedState([seed, ...stream]));
  const uniform = () => ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 2 ** 53;
  const int = (n: number) => {
    const fair = 2 ** 32 - (2 ** 32 % n); // numbers above would favour small results
    for (;;) {
      const drawn = next();
      if (drawn < fair) return drawn % n;
    }
  };
  return {
    uniform,
    // Box & Muller 1958; 1 - uniform() is never 0
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    int,
    shuffle(array) {
      for (let i = array.length - 1; i > 0; i--) {
        const j = int(i + 1);
        [array[i], array[j]] = [array[j]!, array[i]!];
      }
      return array;
    },
  };
}

type State = [number, number, number, number];

/** @returns a function that returns the next 32 bits */
export function xoshiro128([a, b, c, d]: State): () => number {
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
}

/** 128 bits that depend on every bit of every number and on their order. */
function seedState(numbers: readonly number[]): State {
  const state: State = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x71374491];
  const absorb = (word: number) => {
    for (let i = 0; i < 4; i++) state[i] = mix(state[i]! ^ mix(word + Math.imul(i + 1, 0x9e3779b9)));
  };
  absorb(numbers.length);
  for (const number of numbers) {
    if (!Number.isSafeInteger(number)) throw new RangeError(`a seed must be a whole number; found ${number}`);
    absorb(number | 0);
    absorb(Math.floor(number / 2 ** 32) | 0);
  }
  return state;
}

/** The finalizer of MurmurHash3 (Appleby 2011), a bijection. */
function mix(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
