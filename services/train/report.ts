import { formatSeconds } from "../../lib/cli/progress.js";
import { bootstrapMean } from "../../lib/math/bootstrap.js";
import { correlate, mean, rank } from "../../lib/math/statistics.js";
import { onnxRuntime } from "../../lib/onnx/session.js";
import { renderFacts, renderFigures, renderPage, renderSection, renderTable } from "../../lib/report/page.js";
import type { Choices, TrainingRecord } from "../../lib/repository/training-record.js";
import { describeMachine } from "../../lib/system/machine.js";
import * as charts from "./charts.js";
import type { Floors } from "./floors.js";
import type { StepMetrics } from "./metrics.js";

export interface HeldOut extends charts.Prediction {
  readonly excerpt: string;
  /** As the model read it. */
  readonly tokens: number;
}

export interface ReportContent {
  readonly record: TrainingRecord;
  readonly steps: readonly StepMetrics[];
  readonly heldOut: readonly HeldOut[];
  readonly floors: Floors;
}

const worst = 20;
const wordsShown = 16;

/** The training report: one self-contained HTML page. */
export function renderReport({ record, steps, heldOut, floors }: ReportContent): string {
  const scorers = compareScorers(heldOut, floors);
  const [model, flesch, middle] = scorers as [Scorer, Scorer, Scorer];
  const clip = Number(record.recipe.clip);
  const furthest = heldOut.toSorted((a, b) => Math.abs(charts.residualOf(b)) - Math.abs(charts.residualOf(a))).slice(0, worst);
  return renderPage("Training report", [
    renderFacts([
      ["Validation RMSE", model.rmse.toFixed(3)],
      ["95 % interval", model.interval.map((bound) => bound.toFixed(3)).join(" to ")],
      ["Better than a readability formula by", `${(100 * (1 - model.rmse / flesch.rmse)).toFixed(0)} %`],
      ["Held-out passages", heldOut.length],
      ["Steps", `${record.steps} of ${record.recipe.batch} passages`],
      ["Training time", formatSeconds(record.seconds)],
      ["Tokens a second", `${record.tokens_per_second.toFixed(0)} on ${record.workers} workers`],
    ]),
    renderSection(
      "Compared",
      "On the held-out passages. What answers the same for every passage or counts words and syllables is the floor: fitted on the training passages, it knows nothing else of the text.",
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
        ["Loss", "Mean squared error of each step, and its mean over the 20 steps around it.", charts.drawLoss(steps)],
        [
          "Error by epoch",
          "Root mean squared error: of the training passages as they came, of the held-out ones after the epoch; dashed, the floors.",
          charts.drawEpochs(record.epochs, { mean: middle.rmse, "Flesch reading ease": flesch.rmse }),
        ],
        ["Learning rate", "Of each step.", charts.drawLearningRate(steps)],
        ["Gradient norm", `Before clipping to ${clip} (dashed).`, charts.drawGradientNorm(steps, clip)],
      ]),
      renderTable(
        ["Epoch", "Training loss", "Validation loss", "RMSE"],
        record.epochs.map((e) => [e.epoch, e.training_loss.toFixed(4), e.validation_loss.toFixed(4), e.rmse.toFixed(4)]),
      ),
      ...(record.choices ? [renderTable(["Weights", "RMSE", ""], listChoices(record.choices))] : []),
    ]),
    renderSection("Held-out passages", "", [
      renderFigures([
        ["Predicted and graded", "Each dot is a passage; on the line, the model agrees with the grade.", charts.drawPredictions(heldOut)],
        ["Residuals", "Predicted less graded: to the left the model finds a passage harder than its grade.", charts.drawResiduals(heldOut)],
        ["Calibration", "Means of ten equal groups of passages, by score.", charts.drawCalibration(heldOut)],
        [
          "Residuals by grade",
          "With the means of eight equal groups.",
          charts.drawResidualsOver(heldOut, "graded", ({ target }) => target),
        ],
        [
          "Residuals by length",
          "With the means of eight equal groups.",
          charts.drawResidualsOver(heldOut, "tokens read", ({ tokens }) => tokens),
        ],
        [
          "How far off",
          "The share of the passages that come within so much of their grade.",
          charts.drawReach(
            heldOut.map(({ target }) => target),
            { "this model": heldOut.map(({ score }) => score), "Flesch reading ease": floors.flesch, "the mean": floors.mean },
          ),
        ],
      ]),
    ]),
    renderSection("Furthest off", `The ${furthest.length} held-out passages with the largest errors. Is the model wrong, or the grade?`, [
      renderTable(
        ["Passage", "Graded", "Predicted", "Off by", "Begins"],
        furthest.map((passage) => {
          const numbers = [passage.target, passage.score].map((value) => formatSigned(value, ""));
          return [passage.id, ...numbers, formatSigned(charts.residualOf(passage)), firstWords(passage.excerpt)];
        }),
      ),
    ]),
    renderSection("Made by", "", [renderTable(["What", "Value"], describeOrigin(record))]),
  ]);
}

/** What each choice of weights gives, and which one the checkpoint holds. */
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
  /** None for one whose answer never changes. */
  readonly pearson: number | undefined;
  readonly spearman: number | undefined;
}

function compareScorers(heldOut: readonly HeldOut[], floors: Floors): Scorer[] {
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
    compare("a straight line on Flesch reading ease", floors.flesch),
    compare("always the mean", floors.mean, false),
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
    ["data", `${record.data.file}, ${record.data.rows} passages`],
    ["data, sha256", record.data.fingerprint],
    ["machine", `${cpu}, ${cores} cores, ${memory_gib} GiB, ${platform}`],
    ["versions", `${record.producer}, ONNX Runtime ${onnxRuntime}, Node ${node.slice(1)}`],
  ];
}

const formatSigned = (value: number, plus = "+") => `${value <= -0.005 ? "−" : plus}${Math.abs(value).toFixed(2)}`;

function firstWords(text: string): string {
  const words = text.trim().split(/\s+/);
  return words.slice(0, wordsShown).join(" ") + (words.length > wordsShown ? " …" : "");
}
