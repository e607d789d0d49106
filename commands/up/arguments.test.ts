import fc from "fast-check";
import { expect, test } from "vitest";
import { splitArguments } from "./arguments.js";
import { options } from "./options.js";

test("up takes its own options, train gets the others in their order", () => {
  const { own, others } = splitArguments(options, [
    "--epochs",
    "1",
    "--data",
    "x.csv",
    "--resume",
    "--port=1",
    "--lr=1e-4",
    "--only",
    "train",
  ]);
  expect(own).toEqual(["--data", "x.csv", "--port=1", "--only", "train"]);
  expect(others).toEqual(["--epochs", "1", "--resume", "--lr=1e-4"]);
});

test("help is up's own; an option at the end without its value stays up's, to be refused there", () => {
  expect(splitArguments(options, ["-h"])).toEqual({ own: ["-h"], others: [] });
  expect(splitArguments(options, ["--epochs", "1", "--data"])).toEqual({ own: ["--data"], others: ["--epochs", "1"] });
});

test("nothing is lost, doubled or reordered", () => {
  const word = fc.oneof(fc.constantFrom("--data", "--data=x", "--epochs", "--resume", "-u", "--port", "1", "-h"), fc.string());
  fc.assert(
    fc.property(fc.array(word), (argv) => {
      const { own, others } = splitArguments(options, argv);
      expect([...own, ...others].sort()).toEqual([...argv].sort());
      for (const part of [own, others]) {
        const unseen = [...argv];
        for (const argument of part) {
          const at = unseen.indexOf(argument);
          expect(at).toBeGreaterThanOrEqual(0);
          unseen.splice(0, at + 1);
        }
      }
    }),
  );
});
