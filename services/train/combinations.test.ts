import { expect, it } from "vitest";
import { parseOptions } from "../../lib/cli/options.js";
import { checkCombinations } from "./combinations.js";
import { fillSettings, options } from "./options.js";

const check = (...argv: string[]) => checkCombinations(fillSettings(parseOptions("train", options, argv, {})));

it.each([
  ["--select average", "--select average without --ema makes no sense: no moving average is kept. Give its decay"],
  ["--teacher x --loss rmse", "--teacher with --loss rmse makes no sense: grade and score mix to one target for squared errors alone."],
  ["--windows 2", "--windows without --teacher makes no sense: windows have no grades, only a teacher's scores. Name a checkpoint"],
  ["--teacher x/../y --out y", "--teacher in --out makes no sense: the run would write over its teacher. Name another folder with --out."],
  ["--average a", "--average of one checkpoint makes no sense: there is nothing to average it with. Name at least two folders."],
  ["--average a b --out a/../b", "--out among the folders of --average makes no sense: the average would overwrite a checkpoint"],
  ["--average a b --folds 2", "--average with --folds, --teacher or --resume makes no sense: it trains nothing. Leave the other out."],
  ["--average a,b --resume", "--average with --folds, --teacher or --resume makes no sense"],
  [
    "--select best --folds 5",
    "--select best with --folds makes no sense: each fold would choose its epoch by the passages that it is measured on.",
  ],
])("refuses %s", (argv, message) => {
  expect(() => check(...argv.split(" "))).toThrow(message);
});

it.each(["", "--select average --ema .99", "--folds 5 --select average --ema .9"])("takes %s", (argv) => {
  check(...argv.split(" ").filter((word) => word !== ""));
});
