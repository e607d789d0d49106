import { findSentences } from "../../../lib/text/sentences.js";

/** Part of a text, in UTF-16 offsets. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A change of a text: `removed` at `start` became `inserted`. */
export interface TextEdit {
  readonly start: number;
  readonly removed: string;
  readonly inserted: string;
}

/** About 170 words: what the model reads at once, and as long as the passages that it was trained on. */
const usual = 1000;
/** Passages beyond this are cut at a sentence end. */
const most = 1800;

/**
 * Cuts a text into blocks of whole paragraphs, each about as long as a passage. Joined by line ends they are the text again. No block
 * ends in a line end, which a browser would not show.
 */
export function splitBlocks(text: string): string[] {
  const blocks: string[] = [];
  let start = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    if (at - start < usual || text[at - 1] === "\n") continue;
    blocks.push(text.slice(start, at));
    start = at + 1;
  }
  const last = text.slice(start);
  if (last.trim() === "" && blocks.length > 0) blocks.push(`${blocks.pop()}\n${last}`);
  else if (text !== "") blocks.push(last);
  return blocks;
}

/** The passages of a block: the block itself, or parts of it that end with sentences. */
export function splitPassages(block: string): Span[] {
  const passages: Span[] = [];
  let start = 0;
  while (block.length - start > most) {
    const end = start + findCut(block.slice(start, start + most));
    passages.push({ start, end });
    start = end;
  }
  if (block.slice(start).trim() !== "") passages.push({ start, end: block.length });
  return passages;
}

/** Where a passage may end: after a sentence, a word, or else anywhere. */
function findCut(part: string): number {
  const sentences = findSentences(part).slice(0, -1); // the last one may go on
  const end = sentences.findLast(({ end }) => end <= usual * 1.4)?.end ?? sentences[0]?.end;
  if (end !== undefined && end > 0) return end;
  const space = part.lastIndexOf(" ");
  return space > 0 ? space : part.length;
}

/** What changed between two texts, as one edit. */
export function findEdit(before: string, after: string): TextEdit {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let tail = 0;
  while (tail < shorter - start && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return { start, removed: before.slice(start, before.length - tail), inserted: after.slice(start, after.length - tail) };
}

/** Moves spans along with an edit. Those that it touches are dropped. */
export function shiftSpans<S extends Span>(spans: readonly S[], { start, removed, inserted }: TextEdit): S[] {
  const end = start + removed.length;
  const by = inserted.length - removed.length;
  return spans.flatMap((span) => {
    if (span.end <= start) return [span];
    return span.start >= end ? [{ ...span, start: span.start + by, end: span.end + by }] : [];
  });
}

/** The text without some spans, which are in order, and without the white space after each. */
export function removeSpans(text: string, spans: readonly Span[]): string {
  let rest = "";
  let from = 0;
  for (const { start, end } of spans) {
    rest += text.slice(from, start);
    from = end + /^\s*/.exec(text.slice(end))![0].length;
  }
  return (rest + text.slice(from)).trimEnd();
}
