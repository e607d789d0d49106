import { expect, it } from "vitest";
import { parseOptions } from "../../lib/options.js";
import { checkCombinations } from "./combinations.js";
import { fillSettings, options } from "./options.js";

const check = (...argv: string[]) => checkCombinations(fillSettings(parseOptions("train", options, argv, {})));

it.each([["--select average", "--select average without --ema makes no sense: no moving average is kept. Give its decay"]])(
  "refuses %s",
  (argv, message) => {
    expect(() => check(...argv.split(" "))).toThrow(message);
  },
);

it.each(["", "--select average --ema .99"])("takes %s", (argv) => {
  check(...argv.split(" ").filter((word) => word !== ""));
});
