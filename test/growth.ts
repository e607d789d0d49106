import { median } from "../lib/math/statistics.js";

/** Repeated, each is a text that naive patterns take too long for. */
export const hostile = [
  ...'a A. 1. . .. " (a). ([{ ... \n \r\n \t \u00a0 \u0301\u0316 \u200d 😀 \\n a-\nb ab\u0020cd\n • Ｗ 。 x.\n | < <a> { { } = # AbC1+/ â€ ha! $x;'.split(
    " ",
  ),
  " ",
  "It is. ",
  "Mr. ",
  "e.g. ",
];

/** How many times the processor time four times the text takes: 4 if linear, 16 if quadratic. Times too short to tell count as 10 ms. */
export function findGrowth(unit: string, work: (text: string) => unknown): number {
  const time = (length: number) => {
    const text = unit.repeat(Math.ceil(length / unit.length));
    return median(
      Array.from({ length: 3 }, () => {
        const began = process.cpuUsage();
        work(text);
        const { user, system } = process.cpuUsage(began);
        return (user + system) / 1000;
      }),
    );
  };
  const [short, long] = [time(30_000), time(120_000)];
  return long / Math.max(short, 10);
}
