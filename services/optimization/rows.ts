import { findData, places } from "../../lib/cli/paths.js";
import { type Passage, readPassages } from "../../lib/data/dataset.js";
import { holdOut } from "../../lib/data/split.js";
import { listSplits, type TrainingRecord } from "../../lib/repository/training-record.js";
import { cutExcerpts, excerptWords } from "../../lib/text/excerpts.js";
import { normalizeText } from "../../lib/text/normalize.js";
import type { Windows } from "../../lib/text/windows.js";

/** A part of the passage at place `row`. */
export interface Excerpt {
  readonly row: number;
  readonly windows: Windows;
}

/** The passages that the accuracy gate scores. */
export interface GateRows {
  /** The file they come from, for people. */
  readonly source: string;
  readonly windows: readonly Windows[];
  /** Excerpts of the passages, a group for each length; none unless the targets are known and unseen. */
  readonly excerpts: readonly (readonly Excerpt[])[];
  /** Absent if the scores are compared with fp32's. */
  readonly targets?: readonly number[];
  /** Whether training is known not to have used them. */
  readonly unseen: boolean;
  /** The passages that the model was trained on, if they are here. */
  readonly training: readonly Passage[];
  readonly warnings: readonly string[];
}

/** The default split of train, for checkpoints without a record. */
const usualSplit = { seed: 0, validation_fraction: 0.1 };

/** Where they are: a file, and what is not as in training. */
interface GateData {
  readonly data?: string | undefined;
  readonly column?: string | undefined;
  readonly labelColumn?: string | undefined;
  /** The file of a zip. */
  readonly file?: string | undefined;
}

/**
 * The passages that training held out, from the columns that it read if no others are given; without data, those of the sample that comes with the package.
 * @throws what readPassages throws
 */
export function readGateRows(
  { data, column, labelColumn: target, file: member }: GateData,
  record: TrainingRecord | undefined,
  read: (text: string) => Windows,
  limit: number,
): GateRows {
  const file = data ?? findData();
  if (file === undefined) {
    const { passages } = readPassages(places.sample, { targets: false });
    const windows = spread(passages, limit).map(({ excerpt }) => read(excerpt));
    return { source: places.sample, windows, excerpts: [], unseen: true, training: [], warnings: [] };
  }
  const given = { ...(column && { column }), ...(target && { target }), ...(member && { file: member }) };
  const { passages, warnings, fingerprint } = readPassages(file, { targets: true, ...record?.data.columns, ...given });
  const heldOut = new Set(holdOut(passages, record ? listSplits(record) : [usualSplit]));
  const held = passages.filter((_, i) => heldOut.has(i));
  const rows = spread(held.length > 0 ? held : passages, limit);
  const other = record !== undefined && record.data.fingerprint !== fingerprint;
  const unseen = record !== undefined && !other && held.length > 0;
  return {
    source: file,
    windows: rows.map(({ excerpt }) => read(excerpt)),
    excerpts: unseen ? readExcerpts(rows, read) : [],
    targets: rows.map(({ target }) => target),
    unseen,
    training: other ? [] : passages.filter((_, i) => !heldOut.has(i)),
    warnings: [
      ...warnings,
      ...(held.length === 0 ? [`the model was trained on every passage of ${file}: the RMSE below is optimistic`] : []),
      ...(other
        ? [`the checkpoint was trained on ${record.data.file}, not on ${file}: if they share passages, the RMSE below is optimistic`]
        : []),
    ],
  };
}

function readExcerpts(rows: readonly Passage[], read: (text: string) => Windows): Excerpt[][] {
  const texts = rows.map(({ excerpt }) => normalizeText(excerpt));
  return excerptWords.map((words) =>
    cutExcerpts(texts, words).flatMap((text, row) => (text === undefined ? [] : [{ row, windows: read(text) }])),
  );
}

/** At most `limit` of the passages, evenly spaced. */
function spread(passages: readonly Passage[], limit: number): readonly Passage[] {
  const count = Math.min(limit, passages.length);
  return Array.from({ length: count }, (_, i) => passages[Math.floor((i * passages.length) / count)]!);
}

const referencePassages = ["bees-1", "chess-3", "moon-6", "vaccines-8"];
const rangeTexts = 16;

/** Texts of the sample that comes with the package. */
export function readSampleTexts(): { readonly references: readonly string[]; readonly ranges: readonly string[] } {
  const { passages } = readPassages(places.sample, { targets: false });
  return {
    /** From easy to hard. By their scores a server finds out whether it scores correctly. */
    references: passages.filter(({ id }) => referencePassages.includes(id)).map(({ excerpt }) => excerpt),
    /** Of several levels, to measure the ranges of quantized layers on. */
    ranges: spread(passages, rangeTexts).map(({ excerpt }) => excerpt),
  };
}

const typicalTexts = 32;

/** Texts of typical length, nearest to the median, to measure speed on. */
export function pickTypical(ids: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const sorted = ids.toSorted((a, b) => a.length - b.length);
  const start = Math.max(0, Math.floor((sorted.length - typicalTexts) / 2));
  return sorted.slice(start, start + typicalTexts);
}
