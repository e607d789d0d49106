import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { failToWrite, syncFile, writeFileAtomic } from "../../lib/storage/files.js";
import { encodeScalars, encodeStart } from "./tensorboard.js";

const count = z.number().int().positive();
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN); // JSON writes NaN as null

/** A line of metrics.jsonl. */
const stepSchema = z.object({
  /** Counted from 1. */
  step: count,
  /** Counted from 1. */
  epoch: count,
  /** Weighted mean squared error of the batch, on the labels' scale. */
  loss: number,
  learning_rate: number,
  /** Before clipping; of standardized labels, if they are. */
  gradient_norm: number,
  /** Without padding. */
  tokens: count,
  /** Without evaluation. */
  seconds: number,
});

const epochSchema = z.object({
  epoch: count,
  training_loss: number,
  validation_loss: number,
  rmse: number,
  /** Of the moving average, if the run keeps one. */
  average_rmse: number.optional(),
});

/** All that a run has measured so far; a saved state contains it. */
export const historySchema = z.object({ steps: z.array(stepSchema).readonly(), epochs: z.array(epochSchema).readonly() });

export type StepMetrics = Readonly<z.infer<typeof stepSchema>>;
export type EpochResult = Readonly<z.infer<typeof epochSchema>>;
export type History = Readonly<z.infer<typeof historySchema>>;

export interface Metrics extends History {
  add(step: StepMetrics): void;
  /** Call it after the last step of the epoch was added. */
  addEpoch(result: EpochResult): void;
  /** Flushes the files, so that they survive a power cut. */
  sync(): void;
}

export const metricsFile = "metrics.jsonl";
/** TensorBoard recognises its files by the start of their names. */
export const eventsFile = "events.out.tfevents.train";

/** Rewrites metrics.jsonl and the event file from the history, without the steps that a killed run took after it saved its state. */
export function openMetrics(out: string, { steps: before, epochs: epochsBefore }: History): Metrics {
  const [lines, events] = [join(out, metricsFile), join(out, eventsFile)];
  const steps = [...before];
  const epochs = [...epochsBefore];
  writeFileAtomic(lines, steps.map(toLine).join(""));
  writeFileAtomic(events, encodeHistory({ steps, epochs }, Date.now() / 1000));
  return {
    steps,
    epochs,
    add(metrics) {
      steps.push(metrics);
      append(lines, toLine(metrics));
      append(events, encodeStep(metrics, Date.now() / 1000));
    },
    addEpoch(result) {
      epochs.push(result);
      append(events, encodeEpoch(result, steps.at(-1)!.step, Date.now() / 1000));
    },
    sync() {
      syncFile(lines);
      syncFile(events);
    },
  };
}

function append(file: string, data: string | Uint8Array): void {
  try {
    appendFileSync(file, data);
  } catch (error) {
    failToWrite(file, error);
  }
}

const toLine = (metrics: StepMetrics) => `${JSON.stringify(metrics)}\n`;

/** Events of all steps so far, timed as if the last step ended now and the run never paused. @param now seconds since the Unix epoch */
function encodeHistory({ steps, epochs }: History, now: number): Uint8Array[] {
  let time = now - steps.reduce((sum, { seconds }) => sum + seconds, 0);
  const lastSteps = new Map(steps.map(({ epoch, step }) => [epoch, step]));
  return [
    encodeStart(time),
    ...steps.flatMap((metrics) => {
      time += metrics.seconds;
      const ended = epochs.filter(({ epoch }) => epoch === metrics.epoch && lastSteps.get(epoch) === metrics.step);
      return [encodeStep(metrics, time), ...ended.map((result) => encodeEpoch(result, metrics.step, time))];
    }),
  ];
}

function encodeStep({ step, loss, learning_rate, gradient_norm, tokens, seconds }: StepMetrics, time: number): Uint8Array {
  return encodeScalars(time, step, {
    "train/loss": loss,
    "train/learning_rate": learning_rate,
    "train/gradient_norm": gradient_norm,
    "train/tokens_per_second": tokens / seconds,
  });
}

function encodeEpoch({ training_loss, validation_loss, rmse, average_rmse }: EpochResult, step: number, time: number): Uint8Array {
  return encodeScalars(time, step, {
    "train/epoch_loss": training_loss,
    "validation/loss": validation_loss,
    "validation/rmse": rmse,
    ...(average_rmse === undefined ? {} : { "validation/average_rmse": average_rmse }),
  });
}
