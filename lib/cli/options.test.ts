import { describe, expect, it } from "vitest";
import { describeFlag, kinds, option, parseOptions } from "./options.js";

const options = { folders: option(kinds.list, [], "Folders."), seed: option(kinds.count, 0, "A seed.") };
const parse = (argv: readonly string[], env: Record<string, string> = {}) => parseOptions("test", options, argv, env).folders;

describe("a list", () => {
  it("takes words after its flag, flags again, and commas", () => {
    expect(parse(["--folders", "a", "b", "--seed", "1"])).toEqual(["a", "b"]);
    expect(parse(["--folders", "a", "--folders=b"])).toEqual(["a", "b"]);
    expect(parse(["--folders", "a,b", "c"])).toEqual(["a", "b", "c"]);
  });

  it("takes commas in its variable, and is empty without either", () => {
    expect(parse([], { READABILITY_TEST_FOLDERS: "a,b" })).toEqual(["a", "b"]);
    expect(parse([])).toEqual([]);
  });

  it("is described by its flag, and refuses an empty name", () => {
    expect(describeFlag("folders", options.folders)).toBe("--folders <value...>");
    expect(() => parse(["--folders", "a,,b"])).toThrow(
      '--folders must be names, none of them empty, found "a,,b". Try: readability test --help',
    );
  });
});
