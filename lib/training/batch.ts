/** Ids of tokens. */
export type TokenIds = readonly number[] | Int32Array;

/** A text as the model reads it, with its target. */
export interface Example {
  /** Names the passage in messages. */
  readonly id: string;
  /** Token ids, special tokens included. */
  readonly ids: TokenIds;
  readonly target: number;
  /** Factor of its squared error. Default: 1. */
  readonly weight?: number;
}

/** The examples of one optimizer step. */
export interface Batch {
  readonly examples: readonly Example[];
  /** Counted from 1. */
  readonly step: number;
  readonly dropoutSeed: number;
}

/** The examples of one run of the training graph. */
export interface MicroBatch {
  readonly examples: readonly Example[];
  /** Index of each example in its batch; dropout masks depend on it. */
  readonly indices: readonly number[];
}

/** Token ids padded to the longest text: [batch, sequence], row-major. */
export interface PaddedTokens {
  readonly batch: number;
  readonly sequence: number;
  readonly ids: BigInt64Array;
  readonly mask: BigInt64Array;
}

export function padTokens(texts: readonly TokenIds[], padId: number): PaddedTokens {
  const sequence = Math.max(...texts.map((text) => text.length));
  const ids = new BigInt64Array(texts.length * sequence).fill(BigInt(padId));
  const mask = new BigInt64Array(texts.length * sequence);
  texts.forEach((text, row) => {
    for (let i = 0; i < text.length; i++) ids[row * sequence + i] = BigInt(text[i]!);
    mask.fill(1n, row * sequence, row * sequence + text.length);
  });
  return { batch: texts.length, sequence, ids, mask };
}

/**
 * Sorts a batch by length, longest first, cuts it into micro-batches of at most `size` examples, and deals these to the workers. Every worker gets the
 * same number of micro-batches, dealt back and forth, so that all get about the same number of tokens.
 */
export function dealMicroBatches(batch: readonly Example[], workers: number, size: number): readonly (readonly MicroBatch[])[] {
  const order = batch.map((_, i) => i).sort((a, b) => batch[b]!.ids.length - batch[a]!.ids.length || a - b);
  const count = Math.ceil(batch.length / size / workers) * workers;
  const edge = (i: number) => Math.round((i * batch.length) / count);
  const microBatches = Array.from({ length: count }, (_, i): MicroBatch => {
    const indices = order.slice(edge(i), edge(i + 1));
    return { indices, examples: indices.map((index) => batch[index]!) };
  });
  const workerOf = (i: number) => (Math.floor(i / workers) % 2 === 0 ? i % workers : workers - 1 - (i % workers));
  return Array.from({ length: workers }, (_, worker) =>
    microBatches.filter(({ examples }, i) => examples.length > 0 && workerOf(i) === worker),
  );
}
