import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Checkpoint, readCheckpoint } from "../lib/bert/checkpoint.js";
import { heads } from "../lib/bert/config.js";
import { type FamilyName, familyNames } from "../lib/bert/families.js";
import { shipped } from "../lib/system/package-files.js";
import { writeWordPieceTokenizer } from "./tiny-tokenizers.js";

/** A batch with transformers' scores by either head, from test/fixtures/make-tiny-models.py. */
export interface Case {
  readonly name: string;
  readonly input_ids: readonly (readonly number[])[];
  readonly attention_mask: readonly (readonly number[])[];
  readonly token_type_ids: readonly (readonly number[])[];
  readonly cls: readonly number[];
  readonly mean: readonly number[];
}

type Head = (typeof heads)[number];

/** Every family with every head. */
export const tinyModels: readonly { readonly family: FamilyName; readonly head: Head }[] = familyNames.flatMap((family) =>
  heads.map((head) => ({ family, head })),
);

export const tinyFolder = (family: FamilyName): string => shipped(`test/fixtures/tiny-${family}`);

export const readTiny = (family: FamilyName, head: Head): Checkpoint => readCheckpoint(tinyFolder(family), { head, seed: 0 });

export const readGolden = (family: FamilyName): readonly Case[] =>
  JSON.parse(readFileSync(join(tinyFolder(family), "golden.json"), "utf8")) as readonly Case[];

/** A whole checkpoint, with a WordPiece tokenizer if the fixtures have none of the family. */
export function copyTiny(family: FamilyName, to: string): void {
  cpSync(tinyFolder(family), to, { recursive: true });
  if (!existsSync(join(to, "tokenizer.json"))) writeWordPieceTokenizer(to);
}
