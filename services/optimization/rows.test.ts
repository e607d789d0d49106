import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readGateRows } from "./rows.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "rows-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

it("reads the columns that are named, for a checkpoint whose record does not tell them", () => {
  const data = join(folder, "mine.csv");
  writeFileSync(data, "text,grade\nOne,1\nTwo,2\nThree,3\n");
  const rows = readGateRows(
    { data, column: "text", labelColumn: "grade" },
    undefined,
    (text) => ({ ids: [[text.length]], weights: [1] }),
    10,
  );
  expect(rows.windows.map(({ ids }) => ids)).toEqual([[[3]], [[3]], [[5]]]);
  expect(rows.targets).toEqual([1, 2, 3]);
  expect(() => readGateRows({ data, column: "text" }, undefined, () => ({ ids: [], weights: [] }), 10)).toThrow(
    'has no column "target"; found text, grade. Rename a column, or choose yours with --column (texts) or --target (labels; for optimization --label-column).',
  );
});
