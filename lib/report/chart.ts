import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

export const blue = "#2a78d6";
export const orange = "#d97706"; // distinguishable from blue with colour blindness
/** The style of reference lines. */
export const faint = { stroke: "currentColor", strokeOpacity: 0.4, strokeDasharray: "4" } as const;

/** Draws a chart with Observable Plot. Returns an svg element, 480 pixels wide, in the colours of the surrounding page. */
export function drawChart(options: Plot.PlotOptions): string {
  const { document } = parseHTML("<html><body></body></html>");
  const chart = Plot.plot({
    width: 480,
    height: 320,
    style: { background: "none" },
    ...options,
    document: document as never,
  });
  chart.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return chart.outerHTML;
}

/** A histogram of differences, with a line at 0. @param label of the differences */
export function drawDifferences(differences: readonly number[], label: string): string {
  return drawChart({
    x: { label },
    y: { label: "passages", grid: true },
    marks: [
      Plot.rectY(differences, { ...Plot.binX<Plot.RectYOptions>({ y: "count" }, { x: (x: number) => x, thresholds: 20 }), fill: blue }),
      Plot.ruleY([0]),
      Plot.ruleX([0], faint),
    ],
  });
}

/** A chart as a stand-alone file: dark on light, or light on dark if the reader prefers that. */
export function toSvgFile(chart: string): string {
  const style = "<style>svg { color: #24292f } @media (prefers-color-scheme: dark) { svg { color: #e6edf3 } }</style>";
  return `${chart.replace(">", `>${style}`)}\n`;
}
