/** A score or the end of an interval. A tenth is all that an interval of ±.7 is worth. */
export const formatScore = (score: number): string => withMinus(score.toFixed(1));

/** A difference of scores of almost the same text, with its sign. */
export const formatDifference = (difference: number): string => {
  const digits = withMinus(difference.toFixed(2));
  return difference >= 0.005 ? `+${digits}` : digits;
};

const withMinus = (digits: string) => (Number(digits) === 0 ? digits.replace("-", "") : digits.replace("-", "−"));

/** School grades as people say them: "grades 5 to 8", "grade 11 to college". */
export function formatGrades({ low, high }: { readonly low: number; readonly high: number }): string {
  const [from, to] = [Math.round(low), Math.round(high)];
  if (from > 12) return "College";
  if (to > 12) return `Grade ${from} to college`;
  return from === to ? `Grade ${from}` : `Grades ${from} to ${to}`;
}

export const countWords = (text: string): number => text.match(/[\p{L}\p{N}][\p{L}\p{M}\p{N}'’.-]*/gu)?.length ?? 0;

const whole = new Intl.NumberFormat("en");
export const formatCount = (count: number, one: string, many = `${one}s`): string => `${whole.format(count)} ${count === 1 ? one : many}`;
export const formatWhole = (count: number): string => whole.format(count);

/** The start of a sentence, for a list. */
export function shorten(text: string, most = 140): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= most ? line : `${line.slice(0, most).replace(/\s+\S*$/, "")} …`;
}
