import { describe, expect, it } from "vitest";
import { readFile, readMarkdown } from "./files.js";

const file = (name: string, ...parts: BlobPart[]) => new File(parts, name);

describe("readFile", () => {
  it("reads text in UTF-8, with any line ends", async () => {
    expect(await readFile(file("a.TXT", "\ufeffCafé.\r\nTwo."))).toEqual({ text: "Café.\nTwo." });
  });

  it("says which files it reads", async () => {
    expect(await readFile(file("lesson.docx", "x"))).toEqual({
      problem: expect.stringContaining("lesson.docx was not opened. This page reads .txt and .md"),
    });
  });

  it("says that a file is not in UTF-8, or too large", async () => {
    expect(await readFile(file("a.txt", new Uint8Array([0x63, 0xe9])))).toEqual({ problem: expect.stringContaining("Save it as UTF-8") });
    expect(await readFile(file("a.txt", new Uint8Array(2 << 20)))).toEqual({ problem: expect.stringContaining("larger than 1 MB") });
  });
});

it("readMarkdown leaves what a reader sees", () => {
  const source = [
    "---\ntitle: Bees\n---",
    "# All about *bees* #",
    "",
    "Bees are **very** small, see [the book](http://a.example) and `bees`. 2 * 3 * 4, snake_case_name.",
    "<!-- hidden -->",
    "> They fly. ![A bee](bee.png)",
    "",
    "```js\ncode();\n```",
    "",
    "---",
    "The __end__.",
  ].join("\n");
  expect(readMarkdown(source)).toBe(
    "All about bees\n\nBees are very small, see the book and bees. 2 * 3 * 4, snake_case_name.\n\nThey fly. \n\nThe end.",
  );
});
