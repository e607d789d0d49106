import { expect, it } from "vitest";
import { main } from "./main.js";

it.each([
  ["--out=x", "--out is no option of up, which writes below --artifacts. Try: readability up --help"],
  ["--folds", "--folds is no option of up, which serves one model: run readability train --folds, then up --model with one of them"],
])("refuses %s, which is train's alone", async (flag, message) => {
  await expect(main(["--epochs", "1", flag, "3"])).rejects.toThrow(message);
});
