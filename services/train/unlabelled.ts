import { createHash } from "node:crypto";
import { basename } from "node:path";
import { readCsv } from "../../lib/data/input.js";
import { fail } from "../../lib/errors/errors.js";
import { isBlank } from "../../lib/text/blank.js";
import { normalizeText } from "../../lib/text/normalize.js";

/** Passages without labels, for a teacher to score. */
interface Unlabelled {
  /** Normalized; all different, and none of them a labelled passage. */
  readonly texts: readonly string[];
  /** Names of the passages in messages. */
  readonly ids: readonly string[];
  /** sha256 of the file's content, packed or not. */
  readonly fingerprint: string;
}

/**
 * Reads JSON objects, one a line, from a file, plain or gzipped; the field `text` of each is a passage. Blank lines are skipped, and so are
 * passages that came before or that are labelled: those may be held out.
 * @param labelled texts of the labelled passages, normalized
 * @throws not-jsonl, and what readCsv throws
 */
export function readUnlabelled(file: string, labelled: readonly string[]): Unlabelled {
  const options = { what: "passages without labels, in JSON lines", remedy: "Choose another file with --unlabelled." };
  const bytes = readCsv(file, options, () => {});
  const seen = new Set(labelled);
  const texts: string[] = [];
  const ids: string[] = [];
  let number = 0;
  for (const line of splitLines(bytes)) {
    number++;
    if (line.trim() === "") continue;
    const text = normalizeText(parseText(file, number, line));
    if (seen.has(text)) continue;
    seen.add(text);
    texts.push(text);
    ids.push(`${basename(file)}, line ${number}`);
  }
  return { texts, ids, fingerprint: createHash("sha256").update(bytes).digest("hex") };
}

/** Line by line, as all of them may be more than a string can hold. */
function* splitLines(bytes: Buffer): Generator<string> {
  for (let begin = 0; begin < bytes.length; ) {
    const found = bytes.indexOf("\n", begin);
    const end = found === -1 ? bytes.length : found;
    yield bytes.toString("utf8", begin, end);
    begin = end + 1;
  }
}

/** @throws not-jsonl */
function parseText(file: string, line: number, json: string): string {
  const refuse = (problem: string) => fail("not-jsonl", { file, line, problem });
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return refuse("it is not JSON");
  }
  const text = (value as { text?: unknown } | null)?.text;
  if (typeof text !== "string") return refuse('it has no field "text" with a string');
  return isBlank(text) ? refuse("its text is blank") : text;
}
