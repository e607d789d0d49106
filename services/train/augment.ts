import { createRandom, type Random } from "../../lib/math/random.js";
import { splitSentences } from "../../lib/text/sentences.js";
import { roomForText, type Tokenizer } from "../../lib/text/tokenizer.js";
import type { Example } from "../../lib/training/batch.js";
import type { Settings } from "./options.js";
import { streams } from "./streams.js";

/** The token ids of a whole text without special tokens, and the places where its sentences end. */
interface Sentences {
  readonly ids: Int32Array;
  readonly ends: readonly number[];
}

/** An example to train on. It has sentences if the run crops or joins passages. */
export interface TrainingExample extends Example {
  readonly sentences?: Sentences;
}

/** Changes the example at a place of a step's batch, counted from 0. */
export type Augment = (example: TrainingExample, step: number, place: number) => Example;

/** Tokens of the shortest crop to aim for. */
const shortest = 16;

export const isAugmented = ({ crop, join }: Pick<Settings, "crop" | "join">): boolean => crop > 0 || join > 0;

export function tokenizeSentences(tokenizer: Tokenizer, text: string): Sentences {
  const { prefix, suffix } = tokenizer.specials;
  const ids: number[] = [];
  const ends = splitSentences(text).map((sentence) => {
    const encoded = tokenizer.encode(sentence);
    for (let i = prefix.length; i < encoded.length - suffix.length; i++) ids.push(encoded[i]!);
    return ids.length;
  });
  return { ids: Int32Array.from(ids), ends };
}

/**
 * Teaches that length says nothing about difficulty. With probability `crop`, a passage gives way to a run of its sentences, which keeps
 * its target. With probability `join`, others of `examples` follow it, cropped with the same probability, until a length that is drawn
 * between its own and the longest is reached. Their target and weight are the means of the parts', weighted by tokens. Everything drawn
 * depends on seed, step and place only, so a resumed run repeats it.
 */
export function createAugment(
  { seed, crop, join, maxLength }: Pick<Settings, "seed" | "crop" | "join" | "maxLength">,
  tokenizer: Tokenizer,
  examples: readonly TrainingExample[],
): Augment {
  const room = roomForText(tokenizer, maxLength);
  const { prefix, suffix } = tokenizer.specials;
  const joinable = examples.filter(({ sentences }) => sentences!.ids.length > 0);
  const draw = (example: TrainingExample, random: Random): Part => {
    const sentences = example.sentences!;
    const isCropped = random.uniform() < crop && sentences.ids.length > 0;
    return { example, isCropped, ids: isCropped ? cropSentences(sentences, random) : sentences.ids };
  };
  return (example, step, place) => {
    const random = createRandom(seed, streams.augment, step, place);
    const parts = [draw(example, random)];
    let length = parts[0]!.ids.length;
    if (random.uniform() < join && length < room && joinable.length > 0) {
      const goal = length + 1 + random.int(room - length);
      while (length < goal) {
        const part = draw(joinable[random.int(joinable.length)]!, random);
        parts.push({ ...part, ids: part.ids.subarray(0, room - length) });
        length += part.ids.length;
      }
    }
    const { id, ids, target, weight } = example;
    if (parts.length === 1 && !parts[0]!.isCropped) return { id, ids, target, ...(weight === undefined ? {} : { weight }) };
    const body = parts.flatMap((part) => [...part.ids]).slice(0, room);
    return {
      id: parts.map((part) => part.example.id).join(" + "),
      ids: Int32Array.from([...prefix, ...body, ...suffix]),
      target: averageByTokens(parts, (part) => part.target),
      weight: averageByTokens(parts, (part) => part.weight ?? 1),
    };
  };
}

interface Part {
  readonly example: TrainingExample;
  readonly isCropped: boolean;
  readonly ids: Int32Array;
}

function averageByTokens(parts: readonly Part[], value: (example: Example) => number): number {
  if (parts.length === 1) return value(parts[0]!.example);
  const tokens = parts.reduce((sum, { ids }) => sum + ids.length, 0);
  return parts.reduce((sum, { example, ids }) => sum + value(example) * ids.length, 0) / tokens;
}

/** A run of whole sentences, of at least a length drawn log-uniformly between `shortest` and the whole. It begins at any sentence and grows to the right, at the end of the text to the left. */
function cropSentences({ ids, ends }: Sentences, random: Random): Int32Array {
  const goal = Math.min(shortest, ids.length) * Math.max(1, ids.length / shortest) ** random.uniform();
  const start = (sentence: number) => (sentence === 0 ? 0 : ends[sentence - 1]!);
  let first = random.int(ends.length);
  let last = first;
  while (ends[last]! - start(first) < goal && last - first + 1 < ends.length) {
    if (last < ends.length - 1) last++;
    else first--;
  }
  return ids.subarray(start(first), ends[last]!);
}
