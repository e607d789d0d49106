import { expect, it } from "vitest";
import { z } from "zod";
import { describeIssues } from "./describe-issues.js";

function describe(schema: z.ZodType, value: unknown, subject?: string): string {
  return describeIssues(schema.safeParse(value).error!, value, subject);
}

it.each<[z.ZodType, unknown, string]>([
  [z.coerce.number(), "abc", 'it must be a number, found "abc"'],
  [z.number().int(), 1.5, "it must be a whole number, found 1.5"],
  [z.number().positive(), 0, "it must be more than 0, found 0"],
  [z.number().max(0.9), 1, "it must be at most 0.9, found 1"],
  [z.string().min(1), "", 'it must have a length of at least 1, found ""'],
  [z.array(z.number()).max(1), [1, 2], "it must have a length of at most 1, found an array"],
  [z.enum(["a", "b", "c"]), "d", 'it must be a, b, or c, found "d"'],
  [z.strictObject({}), { a: 1, b: 2 }, "it must not have a, b, found an object"],
  [z.union([z.string(), z.number()]), null, "it is invalid, found null"],
  [z.string().regex(/x/, "must have an x"), "y", 'it must have an x, found "y"'],
  [z.object({}), undefined, "it is missing"],
  [z.string().max(9), "y".repeat(99), `it must have a length of at most 9, found "${"y".repeat(59)}...`],
])("says in plain words what is wrong with a value (%#)", (schema, value, expected) => {
  expect(describe(schema, value)).toBe(expected);
});

it("names the place of each issue, or the subject, and the first few of many", () => {
  const schema = z.object({ sizes: z.array(z.object({ width: z.number() })), name: z.string() });
  expect(describe(schema, { sizes: [{ width: 1 }, { width: "2" }] })).toBe('sizes[1].width must be a number, found "2"; name is missing');
  expect(describe(schema, 5, "the body")).toBe("the body must be an object, found 5");
  expect(describe(z.array(z.number()), "abcdefg".split(""))).toMatch(/^\[0\] must be a number, found "a"; .*; and 2 more$/);
});
