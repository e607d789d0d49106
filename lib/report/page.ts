import { escapeHtml } from "./escape-html.js";

type Cell = string | number;

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin: 0 0 1rem; } h2 { margin: 2.5rem 0 .25rem; } h3 { margin: 0; font-size: 1rem; } p { margin: 0 0 .75rem; max-width: 46rem; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding-bottom: .75rem; border-bottom: 1px solid var(--line); }
a { color: inherit; text-underline-offset: .2em; } :focus-visible { outline: 2px solid #2a78d6; outline-offset: 2px; }
dl { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; margin: 1.5rem 0; } dt, figcaption p { opacity: .75; font-size: .875rem; }
dd { margin: 0; font-size: 1.25rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 2rem 1.5rem; margin: 1rem 0 1.5rem; }
figure { margin: 0; display: flex; flex-direction: column; } figcaption { flex: 1; } figure svg { width: 100%; height: auto; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem 1rem .25rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
td:last-child:not(.number) { overflow-wrap: anywhere; min-width: 12rem; }
th { font-size: .875rem; } .number { text-align: right; white-space: nowrap; }
@media (max-width: 40rem) { table { font-size: .875rem; } th, td { padding-right: .625rem; } td:last-child:not(.number) { min-width: 9rem; } }
@media print { :root { font-size: 11px; } nav { display: none; } body { margin: 0; max-width: none; } figure, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } }
`;

/** A self-contained page. @param parts HTML */
export function renderPage(title: string, [head, ...sections]: readonly string[]): string {
  const titles = sections.map((section) => /<h2 id="([^"]+)">([^<]+)/.exec(section)!);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<h1>${title}</h1>
<nav aria-label="Sections">${titles.map(([, id, text]) => `<a href="#${id}">${text}</a>`).join("")}</nav>
<main>
${[head, ...sections].join("\n")}
</main>
</body>
</html>
`;
}

/** @param parts HTML */
export function renderSection(title: string, text: string, parts: readonly string[]): string {
  const id = title.toLowerCase().replaceAll(" ", "-");
  const paragraph = text === "" ? "" : `<p>${escapeHtml(text)}</p>`;
  return `<section aria-labelledby="${id}">\n<h2 id="${id}">${title}</h2>\n${[paragraph, ...parts].join("\n")}\n</section>`;
}

export function renderFacts(facts: readonly (readonly [name: string, value: Cell])[]): string {
  return `<dl>${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(String(value))}</dd></div>`).join("")}</dl>`;
}

export type Figure = readonly [title: string, caption: string, svg: string];

export function renderFigures(figures: readonly Figure[]): string {
  const parts = figures.map(([title, caption, svg]) => {
    const named = svg.replace("<svg ", `<svg role="img" aria-label="${escapeHtml(title)}" `);
    return `<figure><figcaption><h3>${title}</h3><p>${escapeHtml(caption)}</p></figcaption>${named}</figure>`;
  });
  return `<div class="figures">\n${parts.join("\n")}\n</div>`;
}

const isNumber = (cell: Cell) => typeof cell === "number" || /^[+−]?[\d.]+( to [\d.]+)?$/.test(cell);

/** Aligns columns of numbers to the right. A table wider than the page scrolls on its own, with the keyboard too. */
export function renderTable(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const numeric = header.map((_, column) => rows.every((row) => isNumber(row[column]!) || row[column] === "none"));
  const line = (cells: readonly Cell[], tag: string) =>
    `<tr>${cells.map((cell, i) => `<${tag}${numeric[i] ? ' class="number"' : ""}>${escapeHtml(String(cell))}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(header.join(", "))}"><table>
<thead>${line(header, 'th scope="col"').replaceAll('</th scope="col">', "</th>")}</thead>
<tbody>${rows.map((row) => line(row, "td")).join("\n")}</tbody>
</table></div>`;
}
