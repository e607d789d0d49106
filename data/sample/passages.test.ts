import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { expect, test } from "vitest";

interface Row {
  readonly id: string;
  readonly topic: string;
  readonly level: string;
  readonly excerpt: string;
}

const levels = ["1", "2", "3", "4", "5", "6", "7", "8"];
const rows = parse<Row>(readFileSync(new URL("passages.csv", import.meta.url)), { columns: true });
const topics = [...new Set(rows.map(({ topic }) => topic))];
const countWords = (text: string) => text.trim().split(/\s+/).length;
const mean = (numbers: readonly number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;

test("12 topics, each at levels 1 to 8 in order", () => {
  expect(Object.keys(rows[0]!)).toEqual(["id", "topic", "level", "excerpt"]);
  expect(topics).toHaveLength(12);
  expect(rows.map(({ topic, level }) => [topic, level])).toEqual(topics.flatMap((topic) => levels.map((level) => [topic, level])));
  for (const { id, topic, level } of rows) expect(id).toBe(`${topic}-${level}`);
});

test("no two passages are the same, whatever their spacing and case", () => {
  expect(new Set(rows.map(({ excerpt }) => excerpt.toLowerCase().replace(/\W+/g, " ").trim())).size).toBe(96);
});

test.each(rows)("$id has 80 to 200 words and clean spacing", ({ excerpt }) => {
  expect(countWords(excerpt)).toBeGreaterThanOrEqual(80);
  expect(countWords(excerpt)).toBeLessThanOrEqual(200);
  // A stray space or control character would make the text a different one for a cache or a tokenizer.
  expect(excerpt).not.toMatch(/^\s|\s$| {2}| \n|\n |\n{3}|[^\n\P{Cc}]/u);
  expect(excerpt).toMatch(/[.!?]"?$/);
});

test("words and sentences grow longer from level to level", () => {
  const averages = levels.map((level) => {
    const texts = rows.filter((row) => row.level === level).map(({ excerpt }) => excerpt);
    return {
      letters: mean(texts.map((text) => (text.match(/\p{L}/gu) ?? []).length / countWords(text))),
      words: mean(texts.map((text) => countWords(text) / (text.match(/[.!?]+(?="?(\s|$))/g) ?? []).length)),
    };
  });
  for (const [i, { letters, words }] of averages.slice(1).entries()) {
    expect(letters).toBeGreaterThan(averages[i]!.letters);
    expect(words).toBeGreaterThan(averages[i]!.words);
  }
});
