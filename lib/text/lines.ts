import { findAbbreviation } from "./abbreviations.js";

/** A line without the white space around it. Offsets count UTF-16 units. */
export interface Line {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Whether blank lines, an indent or a list marker part it from the line before. */
  readonly opensBlock: boolean;
  readonly listItem: boolean;
}

/** The white space between two lines. */
interface LineBreak {
  readonly start: number;
  readonly end: number;
  /** "wrap": the line goes on. "soft": kept, but no end of a sentence, as in verse. "block": a paragraph, heading or list item ends. */
  readonly kind: "wrap" | "soft" | "block";
}

/** Whether a line ends in a stop that may end a sentence or a paragraph. */
export function isClosed(line: string): boolean {
  const end = line.slice(-24);
  if (!/(?:[.!?…:‽。！？]["'”’»)\]*_]*|[—–-]["'”’»]+)$/u.test(end)) return false;
  const word = /([\p{L}.]+)\.$/u.exec(end)?.[1];
  return word === undefined || !["title", "inner"].includes(findAbbreviation(word) ?? "");
}

/** What may open a sentence before its first letter. */
const openers = "[\"'“‘«(\\[¿¡*_]*";
const startsLower = new RegExp(`^${openers}\\p{Ll}`, "u");
const startsUpper = new RegExp(`^${openers}\\p{Lu}`, "u");

const bullet = /^[•‣◦▪●○■□✓✔➢►⁃∙*+]\s/;
const weakMarker = /^(?:[-–—]\s|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})\)\s|\d{1,3}\.\s)/;

/** Lines that are not blank. */
export function findLines(text: string): Line[] {
  const lines: Line[] = [];
  let blank = true;
  let lastNumber = 0;
  for (const [start, end] of rawLines(text)) {
    const raw = text.slice(start, end);
    const content = raw.trim();
    if (content === "") {
      blank = true;
      continue;
    }
    const indent = raw.length - raw.trimStart().length;
    const before = lines.at(-1);
    const parted = blank || before === undefined || isClosed(before.text);
    const number = Number(/^\(?(\d{1,3})[.)]/.exec(content)?.[1] ?? -1);
    const listItem =
      bullet.test(content) || (weakMarker.test(content) && (parted || (number > 0 ? number === lastNumber + 1 : before!.listItem)));
    if (listItem && number > 0) lastNumber = number;
    const opensBlock = blank || listItem || (parted && (indent >= 2 || raw.startsWith("\t")));
    lines.push({ start: start + indent, end: start + indent + content.length, text: content, opensBlock, listItem });
    blank = false;
  }
  return lines;
}

function* rawLines(text: string): Generator<[start: number, end: number]> {
  let start = 0;
  for (const { 0: end, index } of text.matchAll(/\r\n|[\n\r\u2028\u2029]/g)) {
    yield [start, index];
    start = index + end.length;
  }
  yield [start, text.length];
}

/** Lines of one block: a paragraph, heading, list item or stanza. */
export function groupBlocks(lines: readonly Line[]): Line[][] {
  const blocks: Line[][] = [];
  for (const line of lines) {
    if (line.opensBlock) blocks.push([]);
    blocks.at(-1)!.push(line);
  }
  return blocks;
}

/** How the lines of a text are parted. */
export function findLineBreaks(text: string): LineBreak[] {
  const blocks = groupBlocks(findLines(text));
  return blocks.flatMap((block, b) => {
    const kinds = classifyBreaks(block);
    const next = blocks[b + 1]?.[0];
    return block.flatMap((line, i): LineBreak[] => {
      const following = block[i + 1] ?? next;
      return following ? [{ start: line.end, end: following.start, kind: kinds[i] ?? "block" }] : [];
    });
  });
}

/** Kinds of the breaks between the lines of one block. */
function classifyBreaks(block: readonly Line[]): LineBreak["kind"][] {
  if (block.length < 2) return [];
  let groups = block.map(({ text }, i) => ({ text, last: i }));
  const wraps = new Set<number>();
  if (!isTable(block)) {
    // Joined lines can show that the rest is wrapped too: until nothing changes, so that a joined text stays as it is.
    for (let found = -1; found !== wraps.size; groups = joinGroups(groups, wraps)) {
      found = wraps.size;
      for (const i of findWraps(groups)) wraps.add(i);
    }
  }
  const verse = isStanza(block.map(({ text }) => text));
  return block.slice(0, -1).map(({ text }, i) => {
    if (wraps.has(i)) return "wrap";
    const pauses = /[,;–—-]$/.test(text) && !/^["'“‘]/.test(block[i + 1]!.text);
    return verse || pauses ? "soft" : "block";
  });
}

interface Group {
  readonly text: string;
  /** Index of its last line. */
  readonly last: number;
}

function joinGroups(groups: readonly Group[], wraps: ReadonlySet<number>): Group[] {
  const joined: { texts: string[]; last: number }[] = [];
  for (const { text, last } of groups) {
    const before = joined.at(-1);
    if (before && wraps.has(before.last)) {
      before.texts.push(text);
      before.last = last;
    } else joined.push({ texts: [text], last });
  }
  return joined.map(({ texts, last }) => ({ text: texts.join(" "), last }));
}

const shortestWidth = 20;
const longestWidth = 120;
/** Lines of a proportional font differ in their number of letters. */
const raggedness = 0.85;
/** A shorter line may be an item of a list. */
const shortestWrapped = 15;

/** Indices of the lines that go on in the next. */
function findWraps(groups: readonly Group[]): number[] {
  const lines = groups.map(({ text }) => text);
  const width = lines.reduce((most, line) => Math.max(most, line.length), 0);
  /** Whether the next line's first word had room at the end of this one: the line was ended on purpose. */
  const hadRoom = (i: number) => lines[i]!.length + 1 + firstWordLength(lines[i + 1]!) <= raggedness * width;
  const wrapped = width >= shortestWidth && width <= longestWidth && isWrapped(lines, hadRoom);
  const wraps: number[] = [];
  let length = 0;
  for (let i = 0; i + 1 < lines.length; i++) {
    const [line, next] = [lines[i]!, lines[i + 1]!];
    length += line.length;
    const goesOn = length >= shortestWrapped && startsLower.test(next) && !/[:;{}=>\\|]$/.test(line);
    if (goesOn || endsDivided(line) || (wrapped && !hadRoom(i))) wraps.push(groups[i]!.last);
    else length = 0;
  }
  return wraps;
}

const firstWordLength = (line: string) => /^\S{0,40}/.exec(line)![0].length;
export const endsDivided = (line: string): boolean => /\p{L}[-‐]$/u.test(line);

/** Whether lines were ended where they were full: by a program, not by a writer. */
function isWrapped(lines: readonly string[], hadRoom: (i: number) => boolean): boolean {
  const [lower, upper]: [number[], number[]] = [[], []];
  for (let i = 0; i + 1 < lines.length; i++) {
    if (isClosed(lines[i]!)) continue;
    if (hadRoom(i)) return false;
    (startsLower.test(lines[i + 1]!) ? lower : upper).push(i);
  }
  const full = upper.map((i) => lines[i]!);
  /** Sentences end within lines, not at their ends. */
  const runsOn = full.some((line) => /[.!?]["'”’)]* ["'“‘(]*\p{Lu}/u.test(line));
  const open = lower.length + upper.length;
  if ((lower.length > 0 || runsOn ? 4 : 2) * open < lines.length - 1) return false; // lines that are paragraphs end in a stop
  if (lower.length > 0) return 2 * lower.length >= upper.length;
  return runsOn || (full.length === 1 && !isTitle(full[0]!));
}

/** Whether a line is written as a title: in capitals, or with a capital for most long words. */
export function isTitle(line: string): boolean {
  const words = line.match(/\p{L}[\p{L}\p{M}'’-]*/gu) ?? [];
  const long = words.filter((word) => word.length > 3);
  return words.length < 4 || (long.length > 0 && long.filter((word) => /^\p{Lu}/u.test(word)).length > 0.6 * long.length);
}

/** Rows of columns. */
function isTable(block: readonly Line[]): boolean {
  return block.filter(({ text }) => /\t|\S {3,}\S|\|/.test(text)).length * 2 >= block.length;
}

/** Whether lines read as verse: short, each opened by a capital, many ended by a comma or the like. */
export function isStanza(lines: readonly string[]): boolean {
  if (lines.length < 3) return false;
  const share = (test: (line: string) => boolean) => lines.filter(test).length / lines.length;
  return (
    share((line) => line.length <= 70) === 1 &&
    share((line) => line.length >= 12) > 0.7 &&
    share((line) => startsUpper.test(line)) > 0.8 &&
    share((line) => /[,;:.!?—–-]["'”’]*$/.test(line)) >= 0.4 &&
    share((line) => /[.!?]["'”’]*$/.test(line)) <= 0.7 &&
    lines.some((line) => /[,;:—–-]["'”’]*$/.test(line))
  );
}
