/**
 * The bits of float32 values rounded to IEEE 754 binary16, to nearest, ties to even. Values that are too large become infinite, and NaN
 * stays NaN.
 */
export function toHalf(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) halves[i] = roundBits(bits[i]!);
  return halves;
}

function roundBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7c00 | ((size >>> 13) & 0x3ff) | (size & 0x7fe000 ? 0 : 1); // NaN, with what fits of its payload
  if (size >= 0x47800000) return sign | 0x7c00; // 65536 and more
  // Adding half a unit less one, plus the last bit kept, rounds ties to even. A carry into the exponent is right, even to infinity.
  if (size >= 0x38800000) return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
  const shift = 126 - (size >>> 23); // below 2^-14 the unit stays 2^-24
  if (shift > 24) return sign;
  const significand = (size & 0x7fffff) | 0x800000;
  return sign | ((significand + 2 ** (shift - 1) - 1 + ((significand >>> shift) & 1)) >>> shift);
}

/** Converts the bits of binary16 values to float32, exactly. */
export function fromHalf(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < bits.length; i++) bits[i] = widened[halves[i]!]!;
  return new Float32Array(bits.buffer);
}

/** Float32 bits of every binary16 value. */
const widened = Uint32Array.from({ length: 0x10000 }, (_, half) => {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  return sign | new Uint32Array(Float32Array.of(fraction * 2 ** -24).buffer)[0]!;
});

/** Converts bfloat16 values, which are the upper halves of float32 values, to float32. */
export function fromBrain(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < bits.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}
