/** Larger files would be refused by the api, too. */
const mostBytes = 1 << 20;

/** A file's text, or why it cannot be read. */
export type FileText = { readonly text: string } | { readonly problem: string };

/** Reads a .txt or .md file in UTF-8. */
export async function readFile(file: File): Promise<FileText> {
  const markdown = /\.(?:md|markdown)$/i.test(file.name);
  if (!markdown && !/\.(?:txt|text)$/i.test(file.name))
    return {
      problem: `${file.name} was not opened. This page reads .txt and .md files. Copy the text out of other files and paste it here.`,
    };
  if (file.size > mostBytes) return { problem: `${file.name} was not opened: it is larger than 1 MB. Split it, or paste a part of it.` };
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    return { text: markdown ? readMarkdown(text) : cleanText(text) };
  } catch {
    return { problem: `${file.name} was not opened: it is not in UTF-8. Save it as UTF-8 and open it again, or paste its text.` };
  }
}

/** A text as the editor holds it. */
export const cleanText = (text: string): string => text.replace(/\r\n?/g, "\n").replaceAll("\u0000", "");

/** What a reader sees of simple Markdown: no front matter, code blocks, marks, addresses or images. */
export function readMarkdown(source: string): string {
  return cleanText(source)
    .replace(/^---\n[\s\S]*?\n---\n/, "")
    .replace(/^(```|~~~)[\s\S]*?^\1.*$/gm, "")
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/^ {0,3}#{1,6} +(.*?)(?: +#+)?$/gm, "$1")
    .replace(/^(?:=+|-{3,}|\*{3,}|_{3,})$/gm, "")
    .replace(/^ {0,3}> ?/gm, "")
    .replace(/!\[[^\]]*\]\([^)]*\)/g, "")
    .replace(/\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])/g, "$1")
    .replace(/(\*\*|__)(?=\S)([\s\S]*?\S)\1/g, "$2")
    .replace(/(?<![\w*])([*_])(?=\S)([^*_\n]*\S)\1(?![\w*])/g, "$2")
    .replace(/`([^`\n]+)`/g, "$1")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}
