import { expect, it } from "vitest";
import { runCommand } from "../../test/commands.js";

it("refuses a misspelt option before it looks for data", async () => {
  const { code, stderr, stdout } = await runCommand(["up", "--load-user", "2"]);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toBe("error: unknown option '--load-user' (Did you mean --load-users?). Try: readability up --help\n");
});
