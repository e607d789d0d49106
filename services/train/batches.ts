import { createRandom } from "../../lib/math/random.js";
import type { Batch } from "../../lib/training/batch.js";
import type { Augment, TrainingExample } from "./augment.js";
import type { Settings } from "./options.js";
import { streams } from "./streams.js";

interface EpochBatch extends Batch {
  /** Counted from 1. */
  readonly epoch: number;
  /** Tokens of its examples, without padding. */
  readonly tokens: number;
  /** Whether it is the last batch of its epoch or of the run. */
  readonly endsEpoch: boolean;
}

/** The last, partial batch of an epoch is dropped. */
export function stepsPerEpoch(examples: number, batch: number): number {
  return Math.floor(examples / batch);
}

/** The step after which a run ends: the last one of the schedule, or --max-steps. */
export function lastStep({ maxSteps, batch, epochs }: Pick<Settings, "maxSteps" | "batch" | "epochs">, examples: number): number {
  const total = stepsPerEpoch(examples, batch) * epochs;
  return maxSteps > 0 ? Math.min(maxSteps, total) : total;
}

/**
 * The batches that follow after `stepsBefore` steps. Each epoch has its own order of the examples. Order, dropout and augmentation depend on
 * seed, epoch and step only, so a resumed run gets the same batches.
 */
export function* batches(
  examples: readonly TrainingExample[],
  settings: Pick<Settings, "seed" | "maxSteps" | "batch" | "epochs">,
  stepsBefore: number,
  augment: Augment = (example) => example,
): Generator<EpochBatch, void> {
  const { seed, batch: size } = settings;
  const perEpoch = stepsPerEpoch(examples.length, size);
  const last = lastStep(settings, examples.length);
  for (let begin = stepsBefore - (stepsBefore % perEpoch); begin < last; begin += perEpoch) {
    const epoch = begin / perEpoch + 1;
    const end = Math.min(begin + perEpoch, last);
    const shuffled = createRandom(seed, streams.order, epoch).shuffle([...examples]);
    for (let step = Math.max(begin, stepsBefore) + 1; step <= end; step++) {
      const picked = shuffled
        .slice((step - 1 - begin) * size, (step - begin) * size)
        .map((example, place) => augment(example, step, place));
      yield {
        examples: picked,
        step,
        epoch,
        dropoutSeed: createRandom(seed, streams.dropout, step).int(2 ** 31),
        tokens: picked.reduce((sum, { ids }) => sum + ids.length, 0),
        endsEpoch: step === end,
      };
    }
  }
}
