/** A number with its noun: "1 text", "2 texts". */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`;
