/** A text made from another, with the place in the original for each place in it. Offsets count UTF-16 units. */
export interface MappedText {
  readonly text: string;
  toOriginal(offset: number): number;
}

/** Replaces `text.slice(start, end)`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

export const unchanged = (text: string): MappedText => ({ text, toOriginal: (offset) => offset });

/** @param edits in order, none overlapping */
export function applyEdits(source: MappedText, edits: readonly Edit[]): MappedText {
  if (edits.length === 0) return source;
  const pieces: string[] = [];
  /** Where each replacement begins and ends in the new text. */
  const begins: number[] = [];
  const ends: number[] = [];
  let copied = 0;
  let length = 0;
  for (const { start, end, replacement } of edits) {
    pieces.push(source.text.slice(copied, start), replacement);
    begins.push(length + start - copied);
    length = begins.at(-1)! + replacement.length;
    ends.push(length);
    copied = end;
  }
  pieces.push(source.text.slice(copied));
  const toSource = (offset: number) => {
    const i = countUpTo(begins, offset) - 1;
    if (i < 0) return offset;
    const { start, end } = edits[i]!;
    return offset < ends[i]! ? Math.min(end, start + offset - begins[i]!) : end + offset - ends[i]!;
  };
  return { text: pieces.join(""), toOriginal: (offset) => source.toOriginal(toSource(offset)) };
}

/** Replaces each match of a global pattern. */
export function replaceMatches(source: MappedText, pattern: RegExp, replace: (match: string, index: number) => string): MappedText {
  const edits: Edit[] = [];
  for (const { 0: match, index } of source.text.matchAll(pattern)) {
    const replacement = replace(match, index);
    if (replacement !== match) edits.push({ start: index, end: index + match.length, replacement });
  }
  return applyEdits(source, edits);
}

/** How many values of a sorted list are at most `limit`. */
function countUpTo(sorted: readonly number[], limit: number): number {
  let low = 0;
  for (let high = sorted.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
