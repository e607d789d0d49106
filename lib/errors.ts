/** What a row of the table says of an error: HTTP status, exit code of a command, and the sentence people read. */
interface ErrorRow<D> {
  readonly status: number;
  readonly exit: 1 | 2;
  readonly text: (details: D) => string;
}

const row = <D>(status: number, exit: 1 | 2, text: (details: D) => string): ErrorRow<D> => ({ status, exit, text });

/** Every error of the product: what was wrong, what was expected, what to do. */
export const errors = {
  usage: row(400, 2, ({ problem, help }: { problem: string; help: string }) => `${problem}. Try: ${help}`),
  "no-file": row(
    404,
    1,
    ({ file, what, remedy }: { file: string; what: string; remedy: string }) => `${file} not found: expected ${what}. ${remedy}`,
  ),
  "file-failed": row(
    500,
    1,
    ({ file, action, cause }: { file: string; action: string; cause: string }) => `Cannot ${action} ${file}: ${cause}`,
  ),
  "bad-metadata": row(
    500,
    1,
    ({ file, problem, remedy }: { file: string; problem: string; remedy: string }) => `${file} does not fit: ${problem}. ${remedy}`,
  ),
} as const;

export type ErrorCode = keyof typeof errors;
export type ErrorDetails<C extends ErrorCode> = Parameters<(typeof errors)[C]["text"]>[0];

/** An error of the table; anything else that is thrown is a bug. */
export class ReadabilityError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly exit: 1 | 2;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ReadabilityError";
    this.code = code;
    this.status = errors[code].status;
    this.exit = errors[code].exit;
  }
}

/** The error of `code`, to throw or to reject with. */
export function failure<C extends ErrorCode>(code: C, details: ErrorDetails<C>, cause?: unknown): ReadabilityError {
  const text = errors[code].text as (details: ErrorDetails<C>) => string;
  return new ReadabilityError(code, text(details), cause === undefined ? undefined : { cause });
}

/** Throws the error of `code`. */
export function fail<C extends ErrorCode>(code: C, details: ErrorDetails<C>, cause?: unknown): never {
  throw failure(code, details, cause);
}

/** The message of anything thrown. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
