import { type Dim, normalizeAxis } from "./dims.js";
import type { Operands } from "./operands.js";

/** What a Slice takes of one axis: `count` elements, `step` apart, the first at `start`. */
export interface Span {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  readonly count: Dim;
}

/**
 * What a Slice takes of each axis that it names.
 * @param refuse throws with what was expected
 */
export function listSpans({ x, starts, ends, axes, steps }: Operands<"Slice">, refuse: (expected: string) => never): readonly Span[] {
  const begins = starts.holds ?? refuse("known starts");
  const stops = ends.holds ?? refuse("known ends");
  const chosen = axes ? (axes.holds ?? refuse("known axes")) : begins.map((_, i) => i);
  const strides = steps ? (steps.holds ?? refuse("known steps")) : begins.map(() => 1);
  return chosen.map((given, i) => {
    const axis = normalizeAxis(Number(given), x.shape.length);
    const size = x.shape[axis] ?? refuse(`axes below ${x.shape.length}`);
    const span = findSpan(size, begins[i]!, stops[i]!, Number(strides[i]!)) ?? refuse("a slice from 0, or between known ends");
    if (Number(span.count) <= 0) refuse("a slice of at least one element");
    return { axis, ...span };
  });
}

/** An end this large means "to the end". */
const unbounded = 2 ** 31 - 1;

/** As in ONNX, negative indices count from the end, and bounds are clamped. undefined if the size is unknown until run time. */
function findSpan(size: Dim, start: Dim, end: Dim, step: number): Omit<Span, "axis"> | undefined {
  if (!Number.isInteger(step) || step === 0) return undefined;
  if (typeof size === "number" && typeof start === "number" && typeof end === "number") {
    const [lowest, highest] = step > 0 ? [0, size] : [-1, size - 1];
    const place = (index: number, least: number) => Math.min(Math.max(index < 0 ? index + size : index, least), highest);
    const [first, last] = [place(start, 0), place(end, lowest)];
    return { start: first, step, count: Math.max(0, Math.ceil((last - first) / step)) };
  }
  // Between a named dimension and a number, the axis is assumed to be at least as long as the slice.
  if (start === 0 && step === 1 && (end === size || Number(end) >= unbounded)) return { start, step, count: size };
  if (start === 0 && step === 1 && typeof size === "number") return { start, step, count: end };
  if (typeof start !== "number" || typeof end !== "number" || start < 0 || end < 0 || end >= unbounded || step < 0) return undefined;
  return { start, step, count: Math.max(0, Math.ceil((end - start) / step)) };
}
