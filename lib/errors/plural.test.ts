import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "../system/package-files.js";
import { count } from "./plural.js";

it("has an s but for one", () => {
  expect([0, 1, 2].map((number) => count(number, "text"))).toEqual(["0 texts", "1 text", "2 texts"]);
});

it("is used where a number of these may be one", () => {
  const nouns = "texts|passages|users|cores|workers|windows|epochs|folds|rows|steps(?!/)";
  const wrong = new RegExp(`\\$\\{[^{}]*\\} (${nouns})(?=[ ,.;:\`])`);
  const files = ["lib", "services", "commands"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  );
  const sources = files.filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
  const found = sources.filter((file) => wrong.test(readFileSync(join(root, file), "utf8")));
  expect(found).toEqual([]);
});
