import { type Checkpoint, checkVocabulary, readCheckpoint, rescaleScores } from "../../lib/bert/checkpoint.js";
import { readConfig } from "../../lib/bert/config.js";
import { redrawLayers, takeLayers } from "../../lib/bert/student.js";
import type { Log } from "../../lib/cli/log.js";
import { type Passage, readPassages } from "../../lib/data/dataset.js";
import { fail } from "../../lib/errors/errors.js";
import { resolveBase } from "../../lib/hub/hub.js";
import { readRecord } from "../../lib/repository/training-record.js";
import { normalizeText } from "../../lib/text/normalize.js";
import { loadTokenizer, type Tokenizer } from "../../lib/text/tokenizer.js";
import { isAugmented, type TrainingExample, tokenizeSentences } from "./augment.js";
import type { Settings } from "./options.js";

/** What runs start from: the labelled passages and the pretrained model. */
export interface Data {
  readonly passages: readonly Passage[];
  /** The passages' texts as the model reads them: normalized, as serving does. In order. */
  readonly texts: readonly string[];
  /** sha256 of the passages' csv. */
  readonly fingerprint: string;
  /** One for each passage, in order. */
  readonly examples: readonly TrainingExample[];
  /** Folder of the pretrained model. */
  readonly base: string;
  readonly checkpoint: Checkpoint;
  readonly tokenizer: Tokenizer;
}

/** @throws too-long, bad-tokenizer, no-layer, and what the readers throw */
export async function readData(settings: Settings, log: Log): Promise<Data> {
  const { data, column, target, file, base: name, head, seed, maxLength, initLayers, reinit } = settings;
  const { passages, warnings, fingerprint } = readPassages(data, { targets: true, column, target, file });
  for (const warning of warnings) log.warn(warning);
  const base = await resolveBase(name, { log: (message) => log.info(message) });
  const pretrained = standardizeHead(base, readCheckpoint(base, { head, seed, notify: (message) => log.warn(message) }));
  const checkpoint = redrawLayers(initLayers ? takeLayers(pretrained, initLayers) : pretrained, reinit, seed);
  if (maxLength > checkpoint.config.positions) fail("too-long", { maxLength, positions: checkpoint.config.positions, base: name });
  const tokenizer = loadTokenizer(base);
  checkVocabulary(checkpoint, tokenizer.largestId);
  const texts = passages.map(({ excerpt }) => normalizeText(excerpt));
  const examples = passages.map(({ id, target }, i) => toExample(settings, tokenizer, { id, text: texts[i]!, target }));
  return { passages, texts, fingerprint, examples, base, checkpoint, tokenizer };
}

/** A base whose labels were standardized begins with standardized scores, unless its head is new. @throws bad-record, bad-config */
function standardizeHead(base: string, checkpoint: Checkpoint): Checkpoint {
  const scale = readConfig(base).head === checkpoint.config.head ? readRecord(base)?.scale : undefined;
  return scale ? rescaleScores(checkpoint, 1 / scale.deviation, -scale.mean / scale.deviation) : checkpoint;
}

interface LabelledText {
  readonly id: string;
  /** Normalized. */
  readonly text: string;
  readonly target: number;
}

export function toExample(settings: Settings, tokenizer: Tokenizer, { id, text, target }: LabelledText): TrainingExample {
  const ids = Int32Array.from(tokenizer.encodeTruncated(text, settings.maxLength));
  return { id, ids, target, ...(isAugmented(settings) ? { sentences: tokenizeSentences(tokenizer, text) } : {}) };
}
