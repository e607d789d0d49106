/** Edits after which two texts count as different in all that remains. Bounds the work to about two million steps. */
const mostEdits = 2000;

/**
 * The share of their tokens that two texts share, in order: 1 if they are the same, 0 if they have nothing in common or are too different
 * to tell. Myers 1986, "An O(ND) difference algorithm", which finds the smallest number of insertions and deletions.
 */
export function shareTokens(a: ArrayLike<number>, b: ArrayLike<number>, most = mostEdits): number {
  const total = a.length + b.length;
  if (total === 0) return 1;
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const edits = countEdits(Array.from(a).slice(start, a.length - end), Array.from(b).slice(start, b.length - end), most);
  return edits === undefined ? (2 * (start + end)) / total : 1 - edits / total;
}

/** The smallest number of insertions and deletions that make `b` of `a`; undefined if it is more than `most`. */
function countEdits(a: readonly number[], b: readonly number[], most: number): number | undefined {
  // Of the paths with so many edits, how far the one on each diagonal x - y reaches in `a`.
  const reached = new Int32Array(2 * most + 3);
  const middle = most + 1;
  for (let edits = 0; edits <= most; edits++) {
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const [left, right] = [reached[middle + diagonal - 1]!, reached[middle + diagonal + 1]!];
      let x = diagonal === -edits || (diagonal !== edits && left < right) ? right : left + 1;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x++;
      reached[middle + diagonal] = x;
      if (x >= a.length && x - diagonal >= b.length) return edits;
    }
  }
  return undefined;
}
