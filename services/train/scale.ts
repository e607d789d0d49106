import { mean, rootMeanSquare } from "../../lib/math/statistics.js";
import type { Scale } from "../../lib/repository/training-record.js";
import type { Trainer } from "../../lib/training/trainer.js";

/** Means and standard deviations that are trained on as they are. Those of the CommonLit labels are -.96 and 1.03. */
const usual = { mean: 2, deviation: [0.5, 2] } as const;

/**
 * The scale of labels that training has to standardize; undefined if their mean is within 2 of 0 and their standard deviation is between
 * .5 and 2. Learning rates and new heads suit scores about as large as that.
 */
export function chooseScale(targets: readonly number[]): Scale | undefined {
  const middle = mean(targets);
  const deviation = rootMeanSquare(targets.map((target) => target - middle));
  const isUsual = Math.abs(middle) <= usual.mean && deviation >= usual.deviation[0] && deviation <= usual.deviation[1];
  return isUsual ? undefined : { mean: middle, deviation };
}

/** A trainer of standardized scores that takes targets, and gives losses and scores, on the labels' scale. Its gradients stay standardized. */
export function scaleTrainer(trainer: Trainer, { mean, deviation }: Scale): Trainer {
  return {
    ...trainer,
    async step(batch, learningRate) {
      const examples = batch.examples.map((example) => ({ ...example, target: (example.target - mean) / deviation }));
      const { loss, gradientNorm } = await trainer.step({ ...batch, examples }, learningRate);
      return { loss: loss * deviation ** 2, gradientNorm };
    },
    score: async (examples, weights) => (await trainer.score(examples, weights)).map((score) => score * deviation + mean),
  };
}
