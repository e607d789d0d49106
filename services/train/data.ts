import { type Checkpoint, readCheckpoint } from "../../lib/bert/checkpoint.js";
import type { Log } from "../../lib/cli/log.js";
import { type Passage, readPassages } from "../../lib/data/dataset.js";
import { fail } from "../../lib/errors/errors.js";
import { resolveBase } from "../../lib/hub/hub.js";
import { loadTokenizer, type Tokenizer } from "../../lib/text/tokenizer.js";
import type { Example } from "../../lib/training/batch.js";
import type { Settings } from "./options.js";

/** What runs start from: the labelled passages and the pretrained model. */
export interface Data {
  readonly passages: readonly Passage[];
  /** sha256 of the passages' csv. */
  readonly fingerprint: string;
  /** One for each passage, in order. */
  readonly examples: readonly Example[];
  /** Folder of the pretrained model. */
  readonly base: string;
  readonly checkpoint: Checkpoint;
  readonly tokenizer: Tokenizer;
}

/** @throws too-long, and what the readers throw */
export async function readData(settings: Settings, log: Log): Promise<Data> {
  const { data, column, target, file, base: name, head, seed, maxLength } = settings;
  const { passages, warnings, fingerprint } = readPassages(data, { targets: true, column, target, file });
  for (const warning of warnings) log.warn(warning);
  const base = await resolveBase(name, { log: (message) => log.info(message) });
  const checkpoint = readCheckpoint(base, { head, seed });
  if (maxLength > checkpoint.config.positions) fail("too-long", { maxLength, positions: checkpoint.config.positions, base: name });
  const tokenizer = loadTokenizer(base);
  const examples = passages.map(({ id, excerpt, target }) => ({ id, ids: tokenizer.encodeTruncated(excerpt, maxLength), target }));
  return { passages, fingerprint, examples, base, checkpoint, tokenizer };
}
