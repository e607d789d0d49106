import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compiled, shipped } from "../../lib/system/package-files.js";

test("docs/options.md is what the option tables say; if not: npm run build && node dist/cli.js docs > docs/options.md", () => {
  const page = execFileSync(process.execPath, [compiled("cli"), "docs"], { encoding: "utf8" });
  expect(readFileSync(shipped("docs/options.md"), "utf8")).toBe(page);
});
