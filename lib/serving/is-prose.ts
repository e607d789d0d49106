import type { TextWarning, WarningCode } from "../text/warnings.js";

const others: readonly WarningCode[] = ["no-words", "not-english", "encoded", "code", "numbers"];

/** Whether a text with these warnings is English prose, as the passages of the tables are. If not, its score means no grade or label. */
export const isProse = (warnings: readonly Pick<TextWarning, "code">[]): boolean => !warnings.some(({ code }) => others.includes(code));
