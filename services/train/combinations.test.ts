import { expect, it } from "vitest";
import { parseOptions } from "../../lib/cli/options.js";
import { checkCombinations } from "./combinations.js";
import { fillSettings, options } from "./options.js";

const check = (...argv: string[]) => checkCombinations(fillSettings(parseOptions("train", options, argv, {})));

it.each([
  ["--select average", "Cannot use --select average without --ema: no moving average is kept. Add --ema"],
  ["--teacher x --loss rmse", "Cannot use --teacher with --loss rmse: labels and teacher scores can be mixed only for squared errors."],
  ["--windows 2", "Cannot use --windows without --teacher: windows have no labels, only a teacher's scores. Add --teacher"],
  ["--unlabelled x", "Cannot use --unlabelled without --teacher: the passages have no labels, only a teacher's scores. Add --teacher"],
  [
    "--teacher x --max-spread 1",
    "Cannot use --max-spread with fewer than two teachers: one teacher cannot disagree. Add another --teacher",
  ],
  ["--teacher a,x/../y --out y", "Cannot use --teacher in --out: the run would overwrite its teacher."],
  ["--teacher x/../y --out y", "Cannot use --teacher in --out: the run would overwrite its teacher. Choose another folder with --out."],
  ["--average a", "Cannot use --average of one checkpoint: there is nothing to average it with. Give at least two folders."],
  ["--average a b --out a/../b", "Cannot use --out among the folders of --average: the average would overwrite a checkpoint"],
  [
    "--average a b --folds 2",
    "Cannot use --average with --folds, --teacher or --resume: --average trains nothing. Leave out the other option.",
  ],
  ["--average a,b --resume", "Cannot use --average with --folds, --teacher or --resume"],
  ["--select best --folds 5", "Cannot use --select best with --folds: each fold would choose its epoch on the passages it is measured on."],
])("refuses %s", (argv, message) => {
  expect(() => check(...argv.split(" "))).toThrow(message);
});

it.each(["", "--select average --ema .99", "--folds 5 --select average --ema .9"])("takes %s", (argv) => {
  check(...argv.split(" ").filter((word) => word !== ""));
});
