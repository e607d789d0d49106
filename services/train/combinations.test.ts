import { expect, it } from "vitest";
import { parseOptions } from "../../lib/options.js";
import { checkCombinations } from "./combinations.js";
import { fillSettings, options } from "./options.js";

const check = (...argv: string[]) => checkCombinations(fillSettings(parseOptions("train", options, argv, {})));

it.each([
  ["--select average", "--select average without --ema makes no sense: no moving average is kept. Give its decay"],
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
