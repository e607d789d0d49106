import { strToU8, zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { readDocx, readHtml, readMarkdown } from "./prose.js";

const html = async (body: string) => (await readHtml("a.html", body)).text;
const markdown = (text: string) => readMarkdown("a.md", text);

describe("readHtml", () => {
  it("parts blocks by an empty line, and joins what is drawn on one line", async () => {
    expect(await html("<h1>The  <b>cat</b></h1><p>It\n sat\non <i>the </i> mat.<br>It slept.</p><ul><li>one<li>two</ul>tail")).toBe(
      "The cat\n\nIt sat on the mat.\nIt slept.\n\none\n\ntwo\n\ntail",
    );
    expect(await html("<p>3 &lt; 5 &amp; caf&eacute;&nbsp;x")).toBe("3 < 5 & café\u00a0x");
  });

  it("leaves out what is not prose", async () => {
    const page = `<!doctype html><title>T</title><style>p{}</style><script>let a</script><body><nav><a href=/>Home</a></nav>
      <header><h1>Cats</h1></header><p hidden>no</p><p style="display: none">no</p><span class="a sr-only">no</span><!-- no -->
      <p>Cats<sup><a href="#n1">[1]</a></sup> sleep <a href="#why">a lot</a>.<button>Buy</button></p><aside>Ads</aside><footer>2020</footer>`;
    expect(await html(page)).toBe("Cats\n\nCats sleep a lot.");
  });

  it("reads the main element alone, if there is one", async () => {
    expect(await html("<p>menu</p><div><main><p>the text</p></main></div><p>end</p>")).toBe("the text");
  });

  it("leaves out code blocks and tables of data, and says so; not other preformatted text, nor tables that lay out text", async () => {
    const long = "a cell of many words ".repeat(5).trim();
    const page = `<pre><code>let a;</code></pre><pre>a line\n  of verse</pre><p>Use <code>npm</code>.</p>
      <table><tr><th>a<td>1</table><table><tr><td>${long}<td>2</table><table><tr><td>${long}</table>`;
    expect(await readHtml("a", page)).toEqual({
      text: `a line\nof verse\n\nUse npm.\n\n${long}\n\n${long}`,
      left: ["1 code block", "2 tables"],
    });
  });

  it("refuses elements that are nested too deeply", async () => {
    await expect(readHtml("deep.html", "<div>".repeat(200_000))).rejects.toMatchObject({ code: "bad-document" });
  });
});

describe("readMarkdown", () => {
  it("reads prose, and leaves out markup, front matter, code and tables", async () => {
    const text = `---\ntitle: Cats\n---\n# The *cat*\n\nIt sat on\nthe [mat](http://a.b/c "t"),[^1] ~~not~~ **happy**. ![alt](a.png)\n
- one\n- [x] two\n\n> quoted\n\n\`\`\`js\nlet a;\n\`\`\`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<!-- no --><div>inline</div>\n\n[^1]: A note.\n`;
    expect(await markdown(text)).toEqual({
      text: "The cat\n\nIt sat on the mat, happy.\n\none\n\ntwo\n\nquoted\n\ninline\n\nA note.",
      left: ["1 code block", "1 table"],
    });
  });
});

describe("readDocx", () => {
  const types =
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>';
  const rels =
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>';
  const docx = (body: string) =>
    Buffer.from(
      zipSync({
        "[Content_Types].xml": strToU8(types),
        "_rels/.rels": strToU8(rels),
        "word/document.xml": strToU8(
          `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>${body}</w:body></w:document>`,
        ),
      }),
    );
  const run = (text: string) => `<w:r><w:t xml:space="preserve">${text}</w:t></w:r>`;

  it("reads paragraphs, without deleted text and tables", async () => {
    const table = `<w:tbl><w:tr><w:tc><w:p>${run("1")}</w:p></w:tc></w:tr></w:tbl>`;
    const deleted = "<w:del><w:r><w:delText>not </w:delText></w:r></w:del>";
    const bytes = docx(`<w:p>${run("The ")}${run("café")}</w:p><w:p>${run("It is ")}${deleted}${run("open.")}</w:p>${table}`);
    expect(await readDocx("a.docx", bytes)).toEqual({ text: "The café\n\nIt is open.", left: ["1 table"] });
  });

  it("refuses what is not one", async () => {
    const problem = (bytes: Buffer) => readDocx("a.docx", bytes).catch((error: Error) => error.message);
    expect(await problem(Buffer.from("text"))).toContain("Cannot read a.docx: it is not a Word document");
    expect(await problem(Buffer.from(zipSync({ "a.txt": strToU8("a") })))).toMatch(/^Cannot read a\.docx: .*\. Save it again/);
    expect(await problem(docx("").subarray(0, 300))).toContain("it is a damaged zip file");
    const bomb = docx(`<w:p>${run("a".repeat(70_000_000))}</w:p>`);
    expect(await problem(bomb)).toContain("its parts have more than");
  });
});
