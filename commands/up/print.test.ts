import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { createPrinter } from "./print.js";

function printTo(isTTY: boolean, env: NodeJS.ProcessEnv) {
  const streams = { stdout: Object.assign(new PassThrough(), { isTTY }), stderr: Object.assign(new PassThrough(), { isTTY }) };
  const print = createPrinter(["up", "train"], streams, env);
  print("up", "x");
  print("train", "y", "stderr");
  return [String(streams.stdout.read()), String(streams.stderr.read())];
}

test("lines stand after the aligned name of their service, each on its own stream", () => {
  expect(printTo(false, {})).toEqual(["up    | x\n", "train | y\n"]);
});

test("names are in colour on a terminal alone, and not where NO_COLOR asks for none", () => {
  expect(printTo(true, {})[1]).toBe("\u001b[33mtrain |\u001b[0m y\n");
  expect(printTo(true, { NO_COLOR: "1" })[1]).toBe("train | y\n");
});
