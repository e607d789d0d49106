import { type ErrorCode, errors } from "./errors.js";

/** An error in general: what it means, and what to do. */
export interface Explanation {
  readonly title: string;
  readonly status: number;
  readonly meaning: string;
  /** Empty if there is nothing that a user can do. */
  readonly remedy: string;
}

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(errors, code);

/** `text-too-long` -> `Text too long` */
export const titleOf = (code: ErrorCode): string => `${code[0]!.toUpperCase()}${code.slice(1).replaceAll("-", " ")}`;

/** Explains an error from its row in the table. A placeholder of the message stays as ‹its name›. */
export function explainError(code: ErrorCode): Explanation {
  const { template, status } = errors[code];
  const [meaning, ...rest] = template.replace(/\{(\w+)\}/g, "‹$1›").split(/(?<=\.) (?=[A-Z])/);
  return { title: titleOf(code), status, meaning: meaning!, remedy: rest.join(" ") };
}
