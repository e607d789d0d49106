import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { failToWrite, syncFile, writeFileAtomic } from "../../lib/storage/files.js";
import { encodeScalars, encodeStart } from "./tensorboard/events.js";

/** A line of metrics.jsonl. */
export interface StepMetrics {
  /** From 1. */
  readonly step: number;
  /** From 1. */
  readonly epoch: number;
  /** Mean squared error over the batch, weighted as its rows are. */
  readonly loss: number;
  readonly learning_rate: number;
  /** Before clipping. */
  readonly gradient_norm: number;
  /** Without padding. */
  readonly tokens: number;
  /** Without evaluation. */
  readonly seconds: number;
}

export interface EpochResult {
  readonly epoch: number;
  readonly training_loss: number;
  readonly validation_loss: number;
  readonly rmse: number;
  /** Of the moving average, where there is one. */
  readonly average_rmse?: number | undefined;
}

/** All that a run measured so far; a saved state carries it. */
export interface History {
  readonly steps: readonly StepMetrics[];
  readonly epochs: readonly EpochResult[];
}

export interface Metrics extends History {
  add(step: StepMetrics): void;
  /** After the last step of the epoch was added. */
  addEpoch(result: EpochResult): void;
  /** Makes what was added outlast a power cut. */
  sync(): void;
}

export const metricsFile = "metrics.jsonl";
/** For TensorBoard, which knows its files by the first part of the name. */
export const eventsFile = "events.out.tfevents.train";

/** Starts metrics.jsonl and the event file anew with what is already measured: steps that a killed run took after its last saved state are dropped. */
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

/** Events of all steps so far, timed as if the last had just ended and nothing had come between. @param now seconds since the epoch */
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
