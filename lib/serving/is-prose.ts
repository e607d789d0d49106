import type { TextWarning, WarningCode } from "../text/warnings.js";
import type { ScoreMeaning } from "./result-types.js";

const others: readonly WarningCode[] = ["no-words", "not-english", "encoded", "code", "numbers"];

/** Whether a text with these warnings is English prose, as the passages of the tables are. If not, its score means no grade or label. */
export const isProse = (warnings: readonly Pick<TextWarning, "code">[]): boolean => !warnings.some(({ code }) => others.includes(code));

/** A result for people: without what the tables say about scores, if the text is no prose. */
export const keepMeant = <R extends ScoreMeaning & { readonly warnings: readonly Pick<TextWarning, "code">[] }>(result: R): R =>
  isProse(result.warnings) ? result : { ...result, interval: null, percentile: null, grade: null };
