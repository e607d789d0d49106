/**
 * The shortest decimal number that reads back as the same float32, in JSON's notation: 0.1 for Math.fround(0.1).
 * @throws RangeError for a number that is not a finite float32
 */
export function formatFloat32(x: number): string {
  if (!Number.isFinite(x) || Math.fround(x) !== x) throw new RangeError(`${x} is not a finite float32`);
  if (Object.is(x, -0)) return "-0";
  let shortest = x;
  // Nine digits tell every float32 from its neighbours.
  for (let digits = 1; digits <= 9; digits++) {
    shortest = Number(x.toPrecision(digits));
    if (Math.fround(shortest) === x) break;
  }
  return String(shortest);
}
