import type { z } from "zod";

/** Longest list of issues in a message. */
const shown = 5;

/**
 * What is wrong with a value, in plain words: `layers must be a whole number, found "x"; width is missing`.
 * @param value what was parsed
 * @param subject what to call the value itself
 */
export function describeIssues({ issues }: z.ZodError, value: unknown, subject = "it"): string {
  const more = issues.length > shown ? [`and ${issues.length - shown} more`] : [];
  return [...issues.slice(0, shown).map((issue) => describeIssue(issue, value, subject)), ...more].join("; ");
}

function describeIssue(issue: z.core.$ZodIssue, value: unknown, subject: string): string {
  const name = issue.path.map((key) => (typeof key === "number" ? `[${key}]` : `.${clip(String(key))}`)).join("");
  const found = issue.path.reduce((value: unknown, key) => (value as Readonly<Record<PropertyKey, unknown>>)?.[key], value);
  const what = name === "" ? subject : name.replace(/^\./, "");
  if (found === undefined) return `${what} is missing`;
  return `${what} ${describeRule(issue)}, found ${describeValue(found)}`;
}

const types: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "an array",
  tuple: "an array",
  object: "an object",
  record: "an object",
};

/** The rule that was broken; messages of our own schemas are worded to stand here: `must be ...`. */
function describeRule(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${types[issue.expected] ?? issue.expected}`;
    case "too_small":
      return `must ${be(issue.origin)} ${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`;
    case "too_big":
      return `must ${be(issue.origin)} ${issue.inclusive ? "at most" : "less than"} ${issue.maximum}`;
    case "invalid_value":
      return `must be ${or.format(issue.values.map(String))}`;
    case "unrecognized_keys":
      return `must not have ${listNames(issue.keys)}`;
    default:
      return issue.message.startsWith("must ") ? issue.message : "is invalid";
  }
}

const be = (origin: string) => (origin === "number" ? "be" : "have a length of");

const or = new Intl.ListFormat("en", { type: "disjunction" });

/** A value, short: texts and numbers as they are, of others the type. */
function describeValue(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return clip(text);
}

/** Names that a client chose, at most five of them, each cut. */
export function listNames(names: readonly string[]): string {
  const more = names.length > shown ? [`and ${names.length - shown} more`] : [];
  return [...names.slice(0, shown).map(clip), ...more].join(", ");
}

/** The beginning of a text that a client chose. */
export function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
