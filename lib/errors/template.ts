// Errors before they have a class. It imports nothing, because the client, which runs in browsers too, loads it without the whole table.

/** The names in braces in a template: `"{file}, row {row}"` has `"file" | "row"`. Quotes mark an example in JSON, which is no name. */
type Placeholders<T extends string> = T extends `${string}{${infer Name}}${infer Rest}`
  ? (Name extends `${string}"${string}` ? never : Name) | Placeholders<Rest>
  : never;

/** A value for each placeholder of a template, and no other. */
export type Details<T extends string> = [Placeholders<T>] extends [never]
  ? Readonly<Record<string, never>>
  : Readonly<Record<Placeholders<T>, string | number>>;

/** @param status of the HTTP response; 500 for errors that no request should cause */
export const error = <const T extends string>(exit: 1 | 2, template: T, status = 500) => ({ exit, template, status });

/** Does not add a full stop after a value that ends with one. */
export function fillTemplate(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}(\.?)/g, (_, name: string, stop: string) => {
    const value = String(values[name]);
    return value.endsWith(".") ? value : value + stop;
  });
}
