import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { strToU8, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { places } from "../../lib/cli/paths.js";
import { formatFloat32 } from "../../lib/math/float32.js";
import { compiled } from "../../lib/system/package-files.js";
import { loadTokenizer, type Tokenizer } from "../../lib/text/tokenizer.js";
import { runCommand } from "../../test/commands.js";
import { meanScore } from "../../test/graphs.js";
import { writeRepository } from "../../test/repositories.js";

let folder: string;
let repository: string;
let tokenizer: Tokenizer;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "score-"));
  repository = join(folder, "repository");
  tokenizer = loadTokenizer(writeRepository(repository).folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Without the warnings, which these short texts all have. */
async function score(argv: readonly string[], input = "") {
  const { stdout, ...others } = await runCommand(["score", "--model", repository, ...argv], { folder, input });
  return { ...others, stdout: stdout.replace(/,"warnings":.*(?=\}\n)/g, "") };
}
const expected = (text: string) => formatFloat32(meanScore(tokenizer.encode(text)));

function place(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return name;
}

describe("readability score", () => {
  it("scores a .txt as one text, and so standard input", async () => {
    const text = "the cat\nsat on the mat\n";
    const line = `{"score":${expected(text)}}\n`;
    expect(await score([place("a.txt", text)])).toMatchObject({ code: 0, stdout: line });
    expect(await score(["-"], text)).toMatchObject({ code: 0, stdout: line });
  });

  it("scores the rows of a .csv in their order, and goes on after a bad one", async () => {
    const file = place("a.csv", 'id,excerpt\n1,the cat\n2,\n3,"sat, on"\n4,the,mat\n5,mat\n');
    const { code, stdout, stderr } = await score([file]);
    expect(code).toBe(1);
    expect(stdout.split("\n")).toEqual([
      `{"id":"1","score":${expected("the cat")}}`,
      `{"id":"2","error":"The text is empty or blank. Send at least one word."}`,
      `{"id":"3","score":${expected("sat, on")}}`,
      `{"error":"row 5: it has 3 cells, and the header has 2"}`,
      `{"id":"5","score":${expected("mat")}}`,
      "",
    ]);
    const [message] = /This is short.*$/m.exec(stderr)!;
    expect(stderr).toMatch(/^model: readability, version 1\n.*scored: 3, failed: 2\n/s);
    expect(stderr).toContain(`failed: 2\nwarning: too-short (3 texts): ${message}\n`);
  });

  it("reads the files that train reads: a zip, gzip, tabs and other encodings", async () => {
    const csv = "Id,Text\n1,the cat\n2,café mat\n";
    const stdout = `{"id":"1","score":${expected("the cat")}}\n{"id":"2","score":${expected("café mat")}}\n`;
    const zip = zipSync({ "train.csv": strToU8("id,text\n1,no\n"), "mine.csv": strToU8(csv) });
    expect(await score([place("a.zip", zip), "--file", "mine.csv"])).toMatchObject({ code: 0, stdout });
    expect((await score(["a.zip"])).stderr).toContain("a.zip has 2 .csv files; train.csv was read. Choose another with --file.");
    const tabs = Buffer.from(csv.replaceAll(",", "\t"), "utf16le");
    const { code, stderr, ...rest } = await score([place("a.tsv.gz", gzipSync(tabs)), "--column", "text"]);
    expect([code, rest.stdout, stderr]).toEqual([0, stdout, expect.stringContaining("a.tsv.gz is not UTF-8; it was read as UTF-16LE.")]);
  });

  it("scores lines of JSON from a file and from standard input, by the field that is named", async () => {
    const lines = '{"id": 1, "body": "the cat"}\n{"body": "mat"}\n';
    const stdout = `{"id":1,"score":${expected("the cat")}}\n{"score":${expected("mat")}}\n`;
    expect(await score([place("a.jsonl", lines), "--column", "body"])).toMatchObject({ code: 0, stdout });
    expect(await score(["-", "--format", "jsonl", "--column", "body"], lines)).toMatchObject({ code: 0, stdout });
    expect(await score(["-", "--format", "jsonl"], lines)).toMatchObject({ code: 1 });
  });

  it("reads Markdown, HTML and Word documents as prose, from files, folders and patterns", async () => {
    mkdirSync(join(folder, "lessons/more"), { recursive: true });
    place("lessons/a.md", "# The cat\n\n```js\nlet a;\n```\n");
    place("lessons/b.html", Buffer.from("<p>caf\xe9 <b>mat</b><script>a</script>", "latin1"));
    place("lessons/more/c.txt", "sat on");
    place("lessons/more/d.png", "no text");
    place("lessons/e.docx", "no document");
    const line = (file: string, text: string) => `{"file":"${file}","score":${expected(text)}}\n`;
    const [a, b, c] = [line("lessons/a.md", "The cat"), line("lessons/b.html", "café mat"), line("lessons/more/c.txt", "sat on")];
    const all = await score(["lessons"]);
    const lines = all.stdout.split("\n");
    expect([all.code, lines.toSpliced(2, 1).join("\n")]).toEqual([1, a + b + c]);
    expect(JSON.parse(lines[2]!)).toEqual({ file: "lessons/e.docx", error: expect.stringContaining("is not a Word document") });
    expect(all.stderr).toContain("lessons/a.md: 1 code block left out");
    expect(all.stderr).toContain("lessons/b.html is not UTF-8; it was read as Windows-1252");
    expect(await score(["lessons/**/*.txt", "lessons/b.html"])).toMatchObject({ code: 0, stdout: c + b });
    expect((await score(["lessons/a.md"])).stdout).toBe(a.replace('"file":"lessons/a.md",', ""));
  });

  it("prints all fields of the api, or a table", async () => {
    const file = place("two.jsonl", '{"id": "x", "text": "the cat. sat on the mat"}\n{"id": "y", "text": " "}\n');
    const json = await runCommand(["score", "--model", repository, file, "--format", "json", "--formulas", "--sentences"], { folder });
    const [first, second] = json.stdout.trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>); // biome-ignore format: one line
    expect(Object.keys(first!)).toEqual(
      ["id", "score", "interval", "percentile", "grade", "tokens", "windows", "warnings", "formulas", "sentences", "model", "version"], // biome-ignore format: one line
    );
    expect(second).toEqual({ id: "y", error: { status: 422, code: "empty-text", detail: expect.any(String) } });
    const table = await runCommand(["score", "--model", repository, file, "--format", "table"], { folder });
    expect(table.code).toBe(1);
    expect(table.stdout).toMatch(
      /^text +score +interval +easier than +grade\nx +-?\d\.\d\d +– +– +– {2}too-short\ny {2,}The text is empty/,
    );
    expect(table.stdout).toMatch(/\ntoo-short: This is short/);
    expect(table.stdout).not.toContain("\u001b");
  });

  it("fails if a text is too hard", async () => {
    const file = place("hard.txt", "the cat");
    const limit = meanScore(tokenizer.encode("the cat")) + 1;
    const { code, stderr } = await score([file, "--min-score", String(limit)]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/too hard: hard\.txt: its score .* is below .*\n(?:.*\n)*too hard: 1 text of 1\n/),
    ]);
    expect(await score([file, "--min-score", String(limit - 2)])).toMatchObject({ code: 0 });
  });

  it("ends quietly when its reader has read enough", async () => {
    const file = place("long.jsonl", '{"text": "the cat sat on the mat"}\n'.repeat(20_000));
    const child = spawn(process.execPath, [compiled("cli"), "score", "--model", repository, file], { cwd: folder });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.stdout.once("data", () => child.stdout.destroy());
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect([code, stderr]).toEqual([0, "model: readability, version 1\n"]);
  });

  it("says what is wrong with how it was called", async () => {
    const problem = async (...argv: string[]) => {
      const { code, stdout, stderr } = await score(argv);
      expect(stdout).toBe("");
      return [code, stderr];
    };
    expect(await problem()).toEqual([2, expect.stringContaining("missing required argument 'file'")]);
    expect(await problem(place("a.pdf", "%PDF"))).toEqual([2, expect.stringContaining("give the format with --input")]);
    expect(await problem("missing.txt")).toEqual([1, expect.stringContaining("missing.txt not found")]);
    expect(await problem("nothing/**/*.md")).toEqual([1, expect.stringContaining("nothing/**/*.md not found: expected texts to score")]);
    if (process.platform !== "win32")
      expect(await problem("/dev/zero", "--format", "csv")).toEqual([1, expect.stringContaining("/dev/zero is a device")]);
    expect(await problem("a.csv", "--file", "b.csv")).toEqual([1, expect.stringContaining("a.csv is not a zip")]);
    expect(await problem(place("b.csv", "a,b\n1,2\n"))).toEqual([1, expect.stringContaining('no column "excerpt"')]);
    const nowhere = await runCommand(["score", "--model", "nowhere", place("b.txt", "the cat")], { folder });
    expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringContaining("No model in nowhere")]);
  });

  // A checkout may lack the released model.
  it.skipIf(!existsSync(join(places.releasedModel, "config.json")))("uses the released model where nothing was built", async () => {
    const easy = "The cat sat on the mat. It was a big red mat. The cat was happy. Then the dog came in to play.";
    const hard =
      "Notwithstanding the epistemological ramifications of quantum indeterminacy, contemporary philosophers continue to interrogate the ontological commitments that underlie deterministic interpretations.";
    const input = [easy, hard].map((text) => JSON.stringify({ text })).join("\n");
    const { code, stdout } = await runCommand(["score", "-", "--format", "jsonl"], { folder, input });
    const [first, second] = stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { score: number }).score);
    expect(code).toBe(0);
    expect(first! - second!).toBeGreaterThan(1);
  });
});
