import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { options as optimization } from "../../services/optimization/options.js";
import { options as train } from "../../services/train/options.js";
import { passColumns, splitArguments } from "./arguments.js";
import { options as own } from "./options.js";

const split = (...argv: string[]) => splitArguments({ own, train, optimization }, argv);

test("each option goes to up, train or optimization, in order", () => {
  expect(
    split(
      ...["--epochs", "1", "--data", "x.csv", "--resume", "--port=1", "--lr=1e-4", "--only", "train", "--average", "a", "b"],
      ...["--precision", "fp32", "--fresh", "--optimization-target", "gpu", "--optimization-gate=.1", "--target", "grade"],
    ),
  ).toEqual({
    own: ["--data", "x.csv", "--port=1", "--only", "train"],
    train: ["--epochs", "1", "--resume", "--lr=1e-4", "--average", "a", "b", "--target", "grade"],
    optimization: ["--precision", "fp32", "--fresh", "--target", "gpu", "--gate=.1"],
  });
});

test("help is up's own", () => {
  expect(split("--epochs", "1", "-h").own).toEqual(["-h"]);
});

describe("wrong usage, whether there is data or not", () => {
  it.each([
    [["--load-user", "2"], "unknown option '--load-user' (Did you mean --load-users?). Try: readability up --help"],
    [["--epoch", "2"], "unknown option '--epoch' (Did you mean --epochs?)"],
    [["--precison=fp32"], "unknown option '--precison' (Did you mean --precision?)"],
    [["--optimization-traget", "gpu"], "unknown option '--optimization-traget' (Did you mean --optimization-target?)"],
    [["--optimization-out", "x"], "unknown option '--optimization-out'"],
    [["-u", "2"], "unknown option '-u'"],
    [["train.csv"], "too many arguments"],
    [["--epochs", "1", "--data"], "option '--data <value>' argument missing"],
    [["--epochs"], "option '--epochs <value>' argument missing"],
    [["--epochs", "two"], '--epochs must be a number, found "two"'],
    [["--precision", "int4"], "--precision must be auto, fp32, int8, or fp16"],
    [["--out=x"], "up does not take --out: it writes below --artifacts. Try: readability up --help"],
    [["--folds", "3"], "up does not take --folds: it serves one model: run readability train --folds, then up --model with one of them"],
  ])("%j", (argv, message) => {
    expect(() => split(...argv)).toThrow(expect.objectContaining({ code: "usage", exit: 2, message: expect.stringContaining(message) }));
  });
});

test("nothing is lost, doubled or reordered", () => {
  const argument = fc.constantFrom(
    ["--data", "x"],
    ["--data=--port"],
    ["--epochs", "2"],
    ["--resume"],
    ["--port", "1"],
    ["--gate=1"],
    ["--average", "a", "b"],
  );
  fc.assert(
    fc.property(fc.array(argument), (given) => {
      const argv = given.flat();
      const parts = Object.values(split(...argv));
      expect(parts.flat().sort()).toEqual([...argv].sort());
      for (const part of parts) {
        const unseen = [...argv];
        for (const word of part) {
          const at = unseen.indexOf(word);
          expect(at).toBeGreaterThanOrEqual(0);
          unseen.splice(0, at + 1);
        }
      }
    }),
  );
});

test("the services that read train's data are told where its passages are", () => {
  const given = ["--column", "text", "--epochs", "2", "--target=grade", "--file=a=b.csv"];
  expect(passColumns(given, "optimization")).toEqual(["--column", "text", "--label-column", "grade", "--file", "a=b.csv"]);
  expect(passColumns(given, "load_testing")).toEqual(["--column", "text", "--file", "a=b.csv"]);
});
