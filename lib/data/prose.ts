import type { DefaultTreeAdapterTypes } from "parse5";
import { fail, ReadabilityError, reason } from "../errors/errors.js";
import { count } from "../errors/plural.js";
import { isZip, listZip, unzip } from "./zip.js";

/** The prose of a document. Blocks such as paragraphs are parted by an empty line. */
export interface Prose {
  readonly text: string;
  /** What was left out though a reader sees it: "2 code blocks". */
  readonly left: readonly string[];
}

type Node = DefaultTreeAdapterTypes.ChildNode;
type Element = DefaultTreeAdapterTypes.Element;

const words = (names: string): ReadonlySet<string> => new Set(names.split(" "));

/** Elements without prose: for machines, for navigation, or not drawn. */
const skipped = words(
  "head script style template noscript nav aside footer svg math iframe object audio video canvas button select textarea datalist del s strike rt rp",
);
const inline = words(
  "a abbr acronym b bdi bdo big cite code data dfn em font i ins kbd label mark q ruby samp small span strong sub sup time tt u var wbr",
);
/** A cell of a table with fewer words is data; one with more is text in a table that only lays it out. */
const fewestCellWords = 20;

/**
 * Prose of an HTML page: of its main element, if it has one. Code blocks and the short cells of tables are left out.
 * @param file for errors
 * @throws bad-document
 */
export async function readHtml(file: string, html: string): Promise<Prose> {
  const { parse } = await import("parse5");
  const page = parse(html);
  let [codeBlocks, tables] = [0, 0];
  try {
    const text = readBlocks([findMain(page.childNodes) ?? page].flatMap(({ childNodes }) => childNodes)).join("\n\n");
    const left = [codeBlocks > 0 ? count(codeBlocks, "code block") : "", tables > 0 ? count(tables, "table") : ""].filter(Boolean);
    return { text, left };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return fail("bad-document", { file, problem: "its elements are nested too deeply" }, error);
  }

  function readBlocks(nodes: readonly Node[]): string[] {
    const blocks: string[] = [];
    let block = "";
    const end = () => {
      const text = block.replace(/[^\S\n]*\n[^\S\n]*/g, "\n").trim();
      if (text !== "") blocks.push(text);
      block = "";
    };
    const walk = (node: Node, isPre: boolean): void => {
      if ("value" in node) {
        const text = isPre ? node.value : node.value.replace(/[\t\n\f\r ]+/g, " ");
        block += /\s$/.test(block) && !isPre ? text.trimStart() : text;
      }
      if (!("tagName" in node) || isHidden(node)) return;
      const { tagName, childNodes } = node;
      if (tagName === "br") block += "\n";
      else if (inline.has(tagName)) for (const child of childNodes) walk(child, isPre);
      else {
        end();
        if (tagName === "table") blocks.push(...readCells(node));
        else if (tagName === "pre" && childNodes.some((child) => "tagName" in child && child.tagName === "code")) codeBlocks++;
        else for (const child of childNodes) walk(child, isPre || tagName === "pre");
        end();
      }
    };
    for (const node of nodes) walk(node, false);
    end();
    return blocks;
  }

  function readCells(table: Element): string[] {
    const cells = findCells(table.childNodes).map((cell) => readBlocks(cell.childNodes));
    const [texts, data] = [cells.filter(isText), cells.filter((blocks) => !isText(blocks))];
    if (data.some((blocks) => blocks.length > 0)) tables++;
    return texts.flat();
  }
}

const isText = (blocks: readonly string[]) => (blocks.join(" ").match(/\S+/g)?.length ?? 0) >= fewestCellWords;

function findCells(nodes: readonly Node[]): Element[] {
  const elements = nodes.filter((node): node is Element => "tagName" in node);
  return elements.flatMap((node) => (/^(td|th|caption)$/.test(node.tagName) ? [node] : findCells(node.childNodes)));
}

function findMain(nodes: readonly Node[]): Element | undefined {
  for (const node of nodes) {
    if (!("tagName" in node)) continue;
    const found = node.tagName === "main" ? node : /^(html|body|div|form)$/.test(node.tagName) ? findMain(node.childNodes) : undefined;
    if (found) return found;
  }
  return undefined;
}

/** Whether an element is not drawn, or is a mark such as [1] that links within the page. */
function isHidden(element: Element): boolean {
  if (skipped.has(element.tagName)) return true;
  const attributes = Object.fromEntries(element.attrs.map(({ name, value }) => [name, value]));
  const { hidden, style = "", class: classes = "", href = "", "aria-hidden": ariaHidden } = attributes;
  if (hidden !== undefined || ariaHidden === "true" || /display:\s*none/i.test(style)) return true;
  if (/(^|\s)(sr-only|visually-hidden)(\s|$)/.test(classes)) return true;
  return element.tagName === "a" && href.startsWith("#") && !/\p{L}/u.test(textOf(element));
}

const textOf = (node: Node): string => ("value" in node ? node.value : "childNodes" in node ? node.childNodes.map(textOf).join("") : "");

/** Prose of Markdown: CommonMark with GitHub's extensions and front matter. @throws bad-document */
export async function readMarkdown(file: string, markdown: string): Promise<Prose> {
  const [{ micromark }, { gfm, gfmHtml }, { frontmatter, frontmatterHtml }] = await Promise.all([
    import("micromark"),
    import("micromark-extension-gfm"),
    import("micromark-extension-frontmatter"),
  ]);
  const [extensions, htmlExtensions] = [
    [gfm(), frontmatter(["yaml", "toml"])],
    [gfmHtml(), frontmatterHtml(["yaml", "toml"])],
  ];
  return readHtml(file, micromark(markdown, { allowDangerousHtml: true, extensions, htmlExtensions }));
}

/** Bytes of a Word document's parts in memory. */
const largestParts = 1 << 26;

/** Prose of a Word document (.docx), without headers, footers, comments and deleted passages. @throws bad-document */
export async function readDocx(file: string, bytes: Buffer): Promise<Prose> {
  const refuse = (problem: string, cause?: unknown) => fail("bad-document", { file, problem }, cause);
  if (!isZip(bytes)) refuse("it is not a Word document of the format .docx");
  try {
    const parts = listZip(file, bytes).filter(({ name }) => /\.(xml|rels)$/.test(name));
    if (parts.reduce((sum, { size }) => sum + size, 0) > largestParts) refuse(`its parts have more than ${largestParts} bytes`);
    for (const part of parts) unzip(file, bytes, part); // mammoth would inflate a part to any size
    const { default: mammoth } = await import("mammoth");
    const { value } = await mammoth.convertToHtml(
      { buffer: bytes },
      { convertImage: mammoth.images.imgElement(async () => ({ src: "" })) },
    );
    return await readHtml(file, value);
  } catch (error) {
    if (error instanceof ReadabilityError && error.code === "bad-document") throw error;
    return refuse(error instanceof ReadabilityError ? "it is a damaged zip file" : reason(error), error);
  }
}
