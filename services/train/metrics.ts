import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fail, reason } from "../../lib/errors.js";
import { writeFileAtomic } from "../../lib/files.js";

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

export interface Metrics {
  readonly steps: readonly StepMetrics[];
  add(metrics: StepMetrics): void;
}

/** Opens metrics.jsonl in `out`; keeps the lines of the first `kept` steps and drops what is after them. */
export function openMetrics(out: string, kept: number): Metrics {
  const file = join(out, "metrics.jsonl");
  const lines = kept > 0 && existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  const steps = lines.slice(0, kept).flatMap((line) => (line === "" ? [] : [JSON.parse(line) as StepMetrics]));
  writeFileAtomic(file, steps.map(toLine).join(""));
  return {
    steps,
    add(metrics) {
      steps.push(metrics);
      try {
        appendFileSync(file, toLine(metrics));
      } catch (error) {
        fail("file-failed", { file, action: "write", cause: reason(error) }, error);
      }
    },
  };
}

const toLine = (metrics: StepMetrics) => `${JSON.stringify(metrics)}\n`;
