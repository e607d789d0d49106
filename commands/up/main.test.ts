import { expect, it } from "vitest";
import { main } from "./main.js";

it.each([
  ["--out=x", "up does not take --out: it writes below --artifacts. Try: readability up --help"],
  ["--folds", "up does not take --folds: it serves one model: run readability train --folds, then up --model with one of them"],
])("refuses %s, which is train's alone", async (flag, message) => {
  await expect(main(["--epochs", "1", flag, "3"])).rejects.toThrow(message);
});
