import { readFileSync } from "node:fs";

/** What makes the rewrite of a pair easier. */
export const kinds = {
  words: "simpler words",
  rare: "common words for short, rare ones",
  structure: "plainer sentences",
  terms: "explained terms",
  concrete: "people and things for abstractions",
  links: "stated links between sentences",
  figures: "plain words for figures of speech",
  everything: "several of these",
  small: "any of these, but little of it",
} as const;

/** What makes reading ease rise in a trap, though the text stays hard. */
export const trapKinds = {
  split: "only split sentences",
  short: "short words as hard as the long ones",
  nonsense: "nonsense in place of the text",
} as const;

/** Two passages of 45 to 170 words. */
export interface Pair<Kind extends string> {
  readonly id: string;
  readonly kind: Kind;
  readonly genre: string;
  /** School grade that the author wrote the original for. */
  readonly grade: number;
  readonly original: string;
  readonly rewrite: string;
}

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));

/** The rewrite means the same and is easier to read. */
export const pairs = read("pairs.json") as readonly Pair<keyof typeof kinds>[];

/** The rewrite is no easier, or hardly, but formulas find it much easier. */
export const traps = read("traps.json") as readonly Pair<keyof typeof trapKinds>[];
