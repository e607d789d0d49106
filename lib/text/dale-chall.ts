import { daleChall } from "dale-chall";

/** The Dale-Chall list of easy words, in lower case (Chall & Dale 1995). */
export const easyWords: ReadonlySet<string> = new Set(daleChall);
