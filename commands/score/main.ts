import { createReadStream, existsSync, statSync } from "node:fs";
import { extname } from "node:path";
import type { Readable } from "node:stream";
import { parseOptions } from "../../lib/cli/options.js";
import { type Progress, showProgress } from "../../lib/cli/progress.js";
import { fail, reason } from "../../lib/errors/errors.js";
import { openModel } from "../../lib/serving/model.js";
import { options } from "./options.js";
import { openOutput } from "./output.js";
import { formats } from "./records.js";
import { writeScores } from "./scores.js";

type Format = keyof typeof formats;

/** Writes a JSON object for each text: its score, or what is wrong with it. Exit code 1 where one was refused. */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = parseOptions("score", options, argv, process.env, ["file"]);
  const file = settings.arguments[0]!;
  const format = settings.format ?? chooseFormat(file);
  const source = file === "-" ? process.stdin : openFile(file);
  const name = file === "-" ? "standard input" : file;
  const model = await openModel(settings.model);
  const output = openOutput(process.stdout);
  output.closed.addEventListener("abort", () => source.destroy());
  const progress = file === "-" || process.stdout.isTTY ? undefined : showFileProgress(file);
  try {
    const records = formats[format]({ name, bytes: readBytes(source, name), column: settings.column });
    const { scored, refused } = await writeScores(records, model, output.write, ({ position }, { scored }) =>
      progress?.update(Math.round(position / 1000), { texts: String(scored) }),
    );
    if (format !== "txt") process.stderr.write(`scored: ${scored}, failed: ${refused}\n`);
    return refused === 0 ? 0 : 1;
  } catch (error) {
    if ((output.closed.reason as NodeJS.ErrnoException | undefined)?.code === "EPIPE") return 0;
    if (output.closed.aborted)
      return fail("file-failed", { file: "standard output", action: "write", cause: reason(output.closed.reason) });
    throw error;
  } finally {
    progress?.stop();
    await model.engine.close();
    output.release();
  }
}

function chooseFormat(file: string): Format {
  const ending = file === "-" ? "txt" : extname(file).slice(1).toLowerCase();
  if (Object.hasOwn(formats, ending)) return ending as Format;
  const known = Object.keys(formats).join(", ");
  return fail("usage", {
    problem: `the name of ${file} does not end in ${known}: give the format with --format`,
    help: "readability score --help",
  });
}

function openFile(file: string): Readable {
  if (!existsSync(file))
    fail("no-file", { file, what: "texts to score", remedy: "Give a .txt, .jsonl or .csv file, or - for standard input." });
  return createReadStream(file);
}

/** @throws file-failed */
async function* readBytes(source: Readable, file: string): AsyncGenerator<Buffer> {
  try {
    for await (const bytes of source) yield bytes as Buffer;
  } catch (error) {
    fail("file-failed", { file, action: "read", cause: reason(error) }, error);
  }
}

function showFileProgress(file: string): Progress {
  return showProgress("score", Math.max(1, Math.round(statSync(file).size / 1000)), "kB");
}
