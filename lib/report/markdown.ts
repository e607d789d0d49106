type Cell = string | number;

/** A row of a Markdown table. */
export const markdownRow = (cells: readonly Cell[]): string => `| ${cells.join(" | ")} |\n`;

/** The titles of a Markdown table and the line below them. Columns align right. @param left columns that align left, from 0 */
export function markdownHead(titles: readonly string[], left: readonly number[] = []): string {
  const rule = titles.map(({ length }, i) => (left.includes(i) ? "-".repeat(length + 2) : `${"-".repeat(length + 1)}:`));
  return `${markdownRow(titles)}|${rule.join("|")}|\n`;
}

/** A Markdown table whose columns are as wide as their widest cell. */
export function markdownTable(titles: readonly string[], rows: readonly (readonly Cell[])[], left: readonly number[] = [0]): string {
  const widths = titles.map((title, i) => Math.max(title.length, ...rows.map((row) => String(row[i]).length)));
  const pad = (cells: readonly Cell[]) =>
    cells.map((cell, i) => (left.includes(i) ? String(cell).padEnd(widths[i]!) : String(cell).padStart(widths[i]!)));
  return [markdownHead(pad(titles), left), ...rows.map((row) => markdownRow(pad(row)))].join("");
}
