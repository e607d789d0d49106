// AssemblyScript, compiled to ../vector.wasm by npm run generate:vector: loops over float32 arrays, four elements at a time.
// Memory holds the arrays one after the other, `capacity` elements each. Loops round `count` up to a multiple of four.

/** Elements of an array. Four arrays fit into a core's level-2 cache. */
export const capacity: i32 = 16384;
const bytes: usize = <usize>capacity * 4;

/** Array 0 += array 1. */
export function add(count: i32): void {
  for (let at: usize = 0, end: usize = <usize>count * 4; at < end; at += 16) {
    v128.store(at, f32x4.add(v128.load(at), v128.load(at + bytes)));
  }
}

/** Sum of squares of array 0, in float64. */
export function sumSquares(count: i32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let at: usize = 0, end: usize = <usize>count * 4; at < end; at += 16) {
    const x = v128.load(at);
    const first = f64x2.promote_low_f32x4(x);
    const second = f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0));
    low = f64x2.add(low, f64x2.mul(first, first));
    high = f64x2.add(high, f64x2.mul(second, second));
  }
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** One AdamW step. Arrays: 0 gradients, 1 parameters, 2 first moments, 3 second moments. adamw.ts computes the scalars. */
export function adamw(count: i32, scale: f32, beta1: f32, new1: f32, beta2: f32, new2: f32, kept: f32, rate: f32, epsilon: f32): void {
  for (let at: usize = 0, end: usize = <usize>count * 4; at < end; at += 16) {
    const gradient = f32x4.mul(v128.load(at), f32x4.splat(scale));
    const first = f32x4.add(f32x4.mul(f32x4.splat(beta1), v128.load(at + 2 * bytes)), f32x4.mul(f32x4.splat(new1), gradient));
    const square = f32x4.mul(gradient, gradient);
    const second = f32x4.add(f32x4.mul(f32x4.splat(beta2), v128.load(at + 3 * bytes)), f32x4.mul(f32x4.splat(new2), square));
    const step = f32x4.div(f32x4.mul(f32x4.splat(rate), first), f32x4.add(f32x4.sqrt(second), f32x4.splat(epsilon)));
    v128.store(at + 2 * bytes, first);
    v128.store(at + 3 * bytes, second);
    v128.store(at + bytes, f32x4.sub(f32x4.mul(v128.load(at + bytes), f32x4.splat(kept)), step));
  }
}
