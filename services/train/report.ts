import { formatSeconds } from "../../lib/cli/progress.js";
import { count } from "../../lib/errors/plural.js";
import { bootstrapMean } from "../../lib/math/bootstrap.js";
import { correlate, mean, rank } from "../../lib/math/statistics.js";
import { onnxRuntime } from "../../lib/onnx/session.js";
import { drawDifferences } from "../../lib/report/chart.js";
import { renderFacts, renderFigures, renderPage, renderSection, renderTable } from "../../lib/report/page.js";
import { drawPredictions, type Prediction } from "../../lib/report/predictions.js";
import type { Choices, TrainingRecord } from "../../lib/repository/training-record.js";
import { describeMachine } from "../../lib/system/machine.js";
import type { Baselines } from "./baselines.js";
import * as charts from "./charts.js";
import type { StepMetrics } from "./metrics.js";

export interface HeldOut extends Prediction {
  readonly excerpt: string;
  /** As the model read it. */
  readonly tokens: number;
}

export interface ReportContent {
  readonly record: TrainingRecord;
  readonly steps: readonly StepMetrics[];
  readonly heldOut: readonly HeldOut[];
  readonly baselines: Baselines;
}

const worst = 20;
const wordsShown = 16;

/** The training report: one self-contained HTML page. */
export function renderReport({ record, steps, heldOut, baselines }: ReportContent): string {
  const scorers = compareScorers(heldOut, baselines);
  const [model, flesch, meanScorer] = scorers as [Scorer, Scorer, Scorer];
  const clip = Number(record.recipe.clip);
  const furthest = heldOut.toSorted((a, b) => Math.abs(charts.residualOf(b)) - Math.abs(charts.residualOf(a))).slice(0, worst);
  return renderPage("Training report", [
    renderFacts([
      ["Validation RMSE", model.rmse.toFixed(3)],
      ["95 % interval", model.interval.map((bound) => bound.toFixed(3)).join(" to ")],
      compareRmse("a readability formula", model, flesch),
      ...(model.rmse > meanScorer.rmse ? [compareRmse("always the mean", model, meanScorer)] : []),
      ["Held-out passages", heldOut.length],
      ["Steps", `${record.steps} of ${count(Number(record.recipe.batch), "passage")}`],
      ["Training time", formatSeconds(record.seconds)],
      ["Tokens per second", `${record.tokens_per_second.toFixed(0)} on ${count(record.workers, "worker")}`],
    ]),
    renderSection(
      "Compared",
      "On the held-out passages. The baselines are fitted to the training passages: one always answers their mean target, the other counts words and syllables only.",
      [
        renderTable(
          ["Scorer", "RMSE", "95 % interval", "Pearson", "Spearman"],
          scorers.map(({ name, rmse, interval, pearson, spearman }) => [
            ...[name, rmse.toFixed(3), interval.map((bound) => bound.toFixed(3)).join(" to ")],
            ...[pearson, spearman].map((value) => value?.toFixed(3) ?? "none"),
          ]),
        ),
      ],
    ),
    renderSection("Training", "", [
      renderFigures([
        ["Loss", "Mean squared error of each step (dots) and its moving mean over 20 steps.", charts.drawSteps(steps, "loss")],
        [
          "Error by epoch",
          "Root mean squared error on the training passages during each epoch, and on the held-out passages after it. Dashed: the baselines.",
          charts.drawEpochs(record.epochs, { mean: meanScorer.rmse, "Flesch reading ease": flesch.rmse }),
        ],
        ["Learning rate", "At each step.", charts.drawLearningRate(steps)],
        ["Gradient norm", `At each step, before clipping to ${clip} (dashed).`, charts.drawSteps(steps, "gradient_norm", clip)],
      ]),
      renderTable(
        ["Epoch", "Training loss", "Validation loss", "RMSE"],
        record.epochs.map((e) => [e.epoch, e.training_loss.toFixed(4), e.validation_loss.toFixed(4), e.rmse.toFixed(4)]),
      ),
      ...(record.choices ? [renderTable(["Weights", "RMSE", ""], listChoices(record.choices))] : []),
    ]),
    renderSection("Held-out passages", "", [
      renderFigures([
        ["Predictions", "Each dot is a passage. On the dashed line, prediction and target are equal.", drawPredictions(heldOut)],
        [
          "Residuals",
          "Prediction minus target. On the left, the model finds a passage harder than its target says.",
          drawDifferences(heldOut.map(charts.residualOf), "predicted - target"),
        ],
        ["Calibration", "Mean target of ten groups of passages of equal size, sorted by prediction.", charts.drawCalibration(heldOut)],
        [
          "Residuals by target",
          "With the means of eight groups of equal size.",
          charts.drawResidualsOver(heldOut, "target", ({ target }) => target),
        ],
        [
          "Residuals by length",
          "With the means of eight groups of equal size.",
          charts.drawResidualsOver(heldOut, "tokens read", ({ tokens }) => tokens),
        ],
        [
          "Error distribution",
          "The share of passages whose error is at most this large.",
          charts.drawErrorDistribution(
            heldOut.map(({ target }) => target),
            { "this model": heldOut.map(({ score }) => score), "Flesch reading ease": baselines.flesch, "the mean": baselines.mean },
          ),
        ],
      ]),
    ]),
    renderSection(
      "Largest errors",
      `The ${furthest.length} held-out passages with the largest errors. Check their targets: the model may be right.`,
      [
        renderTable(
          ["Passage", "Target", "Predicted", "Error", "Begins"],
          furthest.map((passage) => {
            const numbers = [passage.target, passage.score].map((value) => formatSigned(value, ""));
            return [passage.id, ...numbers, formatSigned(charts.residualOf(passage)), firstWords(passage.excerpt)];
          }),
        ),
      ],
    ),
    renderSection("Origin", "", [renderTable(["What", "Value"], describeOrigin(record))]),
  ]);
}

/** `["Better than always the mean by", "40 %"]` */
function compareRmse(name: string, model: Scorer, baseline: Scorer): [string, string] {
  const change = model.rmse / baseline.rmse - 1;
  return [`${change > 0 ? "Worse" : "Better"} than ${name} by`, `${(100 * Math.abs(change)).toFixed(0)} %`];
}

/** RMSE of each choice of weights, and which one the checkpoint holds. */
function listChoices({ selected, last, best, best_epoch, average }: Choices): (readonly string[])[] {
  const rows = [
    ["last", "after the last step", last],
    ["best", `after the best epoch, ${best_epoch}`, best],
    ["average", "moving average", average],
  ] as const;
  return rows.flatMap(([name, what, rmse]) => (rmse === undefined ? [] : [[what, rmse.toFixed(4), name === selected ? "written" : ""]]));
}

interface Scorer {
  readonly name: string;
  readonly rmse: number;
  readonly interval: readonly [number, number];
  /** None for a scorer that always gives the same score. */
  readonly pearson: number | undefined;
  readonly spearman: number | undefined;
}

function compareScorers(heldOut: readonly HeldOut[], baselines: Baselines): Scorer[] {
  const targets = heldOut.map(({ target }) => target);
  const compare = (name: string, scores: readonly number[], varies = true): Scorer => {
    const squares = scores.map((score, i) => (score - targets[i]!) ** 2);
    const { low, high } = bootstrapMean(squares, 0);
    return {
      name,
      rmse: Math.sqrt(mean(squares)),
      interval: [Math.sqrt(low), Math.sqrt(high)],
      pearson: varies ? correlate(scores, targets) : undefined,
      spearman: varies ? correlate(rank(scores), rank(targets)) : undefined,
    };
  };
  return [
    compare(
      "this model",
      heldOut.map(({ score }) => score),
    ),
    compare("a straight line on Flesch reading ease", baselines.flesch),
    compare("always the mean", baselines.mean, false),
  ];
}

function describeOrigin(record: TrainingRecord): (readonly [string, string | number])[] {
  const { cpu, cores, memory_gib, platform, node } = describeMachine();
  return [
    ["base", record.base],
    ...Object.entries(record.recipe),
    ["seed", record.seed],
    ["max_length", record.max_length],
    ["held out", `${(100 * record.validation_fraction).toFixed(0)} %`],
    ["data", `${record.data.file}, ${count(record.data.rows, "passage")}`],
    ["data, sha256", record.data.fingerprint],
    ["machine", `${cpu}, ${count(cores, "core")}, ${memory_gib} GiB, ${platform}`],
    ["versions", `${record.producer}, ONNX Runtime ${onnxRuntime}, Node ${node.slice(1)}`],
  ];
}

const formatSigned = (value: number, plus = "+") => `${value <= -0.005 ? "−" : plus}${Math.abs(value).toFixed(2)}`;

function firstWords(text: string): string {
  const words = text.trim().split(/\s+/);
  return words.slice(0, wordsShown).join(" ") + (words.length > wordsShown ? " …" : "");
}
