import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { main as release } from "../commands/release/main.js";
import { main as score } from "../commands/score/main.js";
import { options as scoreOptions } from "../commands/score/options.js";
import { main as up } from "../commands/up/main.js";
import { options as upOptions } from "../commands/up/options.js";
import type { Options } from "../lib/cli/options.js";
import { places } from "../lib/cli/paths.js";
import type { Main } from "../lib/cli/run-main.js";
import { ReadabilityError } from "../lib/errors/errors.js";
import { explainFileError } from "../lib/errors/file-errors.js";
import { main as api } from "../services/api/main.js";
import { options as apiOptions } from "../services/api/options.js";
import { main as inference } from "../services/inference/main.js";
import { options as inferenceOptions } from "../services/inference/options.js";
import { main as loadTesting } from "../services/load_testing/main.js";
import { options as loadTestingOptions } from "../services/load_testing/options.js";
import { main as optimization } from "../services/optimization/main.js";
import { options as optimizationOptions } from "../services/optimization/options.js";
import { main as train } from "../services/train/main.js";
import { options as trainOptions } from "../services/train/options.js";
import { copyTiny } from "./tiny-models.js";

const commands: Readonly<Record<string, readonly [Main, Options]>> = {
  train: [train, trainOptions],
  optimization: [optimization, optimizationOptions],
  inference: [inference, inferenceOptions],
  api: [api, apiOptions],
  load_testing: [loadTesting, loadTestingOptions],
  score: [score, scoreOptions],
  up: [up, upOptions],
  release: [release, {}],
};

type Use = "reads a file" | "reads files" | "reads a folder" | "reads either" | "writes a file" | "writes files" | "writes a folder";

/** Every path that a command takes: its option, or its place among the arguments. PATH stands for it; other paths are good. */
const paths: Readonly<Record<string, readonly (readonly [argv: string, use: Use])[]>> = {
  train: [
    ["--data PATH", "reads a file"],
    ["--data data.csv --base PATH", "reads a folder"],
    ["--max-length 16 --data data.csv --base base --teacher PATH", "reads either"],
    ["--max-length 16 --data data.csv --base base --teacher base --unlabelled PATH", "reads a file"],
    ["--average base PATH", "reads a folder"],
    ["--max-length 16 --data data.csv --base base --out PATH", "writes a folder"],
  ],
  optimization: [
    ["--model PATH", "reads a folder"],
    ["--model base --data PATH", "reads a file"],
    ["--model base --cache PATH", "writes a file"],
    ["--model base --out PATH", "writes a folder"],
  ],
  inference: [["--repository PATH", "reads a folder"]],
  api: [["--repository PATH", "reads a folder"]],
  load_testing: [
    ["--data PATH", "reads a file"],
    ["--data data.csv --wait 0 --out PATH", "writes a file"],
    ["--data data.csv --wait 0 --html PATH", "writes a file"],
    ["--data data.csv --wait 0 --csv PATH", "writes files"],
  ],
  score: [
    ["--input csv PATH", "reads files"],
    ["--input txt PATH", "reads files"],
    ["--model PATH -", "reads a folder"],
  ],
  up: [
    ["--data PATH", "reads a file"],
    ["--model PATH", "reads a folder"],
    ["--model base --artifacts PATH", "writes a folder"],
  ],
  release: [
    ["PATH data.csv out", "reads a folder"],
    ["trained PATH out", "reads a file"],
    ["trained data.csv PATH", "writes a folder"],
  ],
};

/** Options with these names are paths in every command that has one. */
const names = ["data", "out", "base", "teacher", "unlabelled", "average", "model", "cache", "repository", "artifacts", "csv", "html"];

it("the table has every option that is a path", () => {
  for (const [command, [, options]] of Object.entries(commands))
    for (const name of names.filter((name) => Object.hasOwn(options, name)))
      expect(
        paths[command]!.filter(([argv]) => argv.includes(`--${name} PATH`) || (name === "average" && argv.includes("--average base PATH"))),
      ).not.toEqual([]);
});

const nobody = 65534;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "paths-"));
  process.chdir(folder);
  vi.stubEnv("READABILITY_LOG_LEVEL", "silent");
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  for (const emitter of [process, process.stdout, process.stderr]) emitter.setMaxListeners(1000); // each command adds its own for signals
  writeFileSync(
    "data.csv",
    `excerpt,target\n${Array.from({ length: 40 }, (_, i) => `the cat sat on the mat ${i},${i / 10}`).join("\n")}\n`,
  );
  copyTiny("bert", "base");
  copyTiny("bert", "trained");
  cpSync(join(places.releasedModel, "training.json"), join("trained", "training.json"));
  cpSync(join(places.releasedModel, "training.json"), join("base", "training.json"));
  writeFileSync("a-file", "content");
  mkdirSync("a-folder");
  // For other users than root, whom modes bind, it is the owner's mode that counts.
  const isRoot = process.getuid?.() === 0;
  writeFileSync("unreadable-file", "content", { mode: isRoot ? 0o600 : 0 });
  mkdirSync("unreadable-folder", { mode: isRoot ? 0o700 : 0 });
  mkdirSync("unwritable-folder", { mode: isRoot ? 0o755 : 0o555 });
});
afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.chdir(tmpdir());
  rmSync(folder, { recursive: true });
});

/** What is wrong with a path, and what the error is to say. */
const faults: Readonly<Record<Use, readonly (readonly [path: string, message: RegExp, permission?: true])[]>> = {
  "reads a file": [
    ["nothing", /not found/],
    ["a-folder", /is a folder, not a regular file/],
    ["a-file/x", /not found/],
    ["unreadable-file", /^Cannot read unreadable-file: EACCES: permission denied\. Grant/, true],
    ["unreadable-folder/x", /^Cannot read unreadable-folder\/x: EACCES/, true],
  ],
  "reads files": [
    ["nothing", /not found/],
    ["a-folder", /has no file to score/],
    ["a-file/x", /not found/],
    ["unreadable-file", /^Cannot read unreadable-file: EACCES: permission denied\. Grant/, true],
    ["unreadable-folder", /^Cannot read unreadable-folder: EACCES/, true],
    ["unreadable-folder/x", /^Cannot read unreadable-folder\/x: EACCES/, true],
  ],
  "reads a folder": [
    ["nothing", /not found|No model in|is neither a folder nor/],
    ["a-file", /is a file, not a folder/],
    ["unreadable-folder", /^Cannot read unreadable-folder: EACCES/, true],
    ["unreadable-folder/x", /^Cannot read unreadable-folder\/x: EACCES/, true],
  ],
  "reads either": [
    ["nothing", /not found/],
    ["unreadable-file", /^Cannot read unreadable-file: EACCES/, true],
    ["unreadable-folder", /^Cannot read unreadable-folder: EACCES/, true],
  ],
  "writes a file": [
    ["a-folder", /is a folder, not a regular file/],
    ["a-file/x", /^Cannot write a-file\/x: .*a-file is not a folder/],
    ["unwritable-folder/x", /^Cannot write unwritable-folder\/x: EACCES/, true],
    ["unreadable-folder/x", /^Cannot (write|read) unreadable-folder\/x: EACCES/, true],
  ],
  "writes files": [
    ["a-file/x", /^Cannot write a-file\/x_stats.csv: .*a-file is not a folder/],
    ["unwritable-folder/x", /^Cannot write unwritable-folder\/x_stats.csv: EACCES/, true],
  ],
  "writes a folder": [
    ["a-file", /is a file, not a folder/],
    ["a-file/x", /^Cannot write a-file\/x: .*a-file is not a folder/],
    ["unwritable-folder/x", /^Cannot write unwritable-folder\/x: EACCES/, true],
    ["unreadable-folder/x", /^Cannot (write|read) unreadable-folder\/x: EACCES/, true],
  ],
};

const cases = Object.entries(paths).flatMap(([command, uses]) =>
  uses.flatMap(([argv, use]) => faults[use].map(([path, message, permission]) => ({ command, argv, path, message, permission }))),
);

async function check({ command, argv, path, message }: (typeof cases)[number]): Promise<void> {
  const error = await commands[command]![0](argv.replace("PATH", path).split(" ")).catch(explainFileError);
  expect(error).toBeInstanceOf(ReadabilityError);
  expect((error as Error).message).toMatch(message);
  expect((error as Error).message).toContain(path);
}

describe("a path that is missing or of the wrong kind is one clear error", () => {
  it.each(cases.filter(({ permission }) => !permission))("$command $argv: $path", check);
});

// Windows knows no modes. Root may read everything: this process then goes on as another user, to its end.
describe.skipIf(process.platform === "win32")("so is one without permission", () => {
  beforeAll(() => {
    if (process.getuid!() !== 0) return;
    for (const path of [".", "base", "trained"]) chownSync(path, nobody, nobody);
    process.setgroups!([]);
    process.setgid!(nobody);
    process.setuid!(nobody);
  });

  it.each(cases.filter(({ permission }) => permission))("$command $argv: $path", check);

  it("up does not take data that it may not see for no data", async () => {
    mkdirSync("data/input", { recursive: true });
    chmodSync("data/input", 0);
    const error = await up([]).catch(explainFileError);
    chmodSync("data/input", 0o755);
    expect(error).toMatchObject({ code: "not-readable", message: expect.stringContaining(join("data", "input", "train.csv.zip")) });
  });
});
