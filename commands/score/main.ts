import { createReadStream, statSync } from "node:fs";
import { extname } from "node:path";
import { Readable } from "node:stream";
import { parseOptions } from "../../lib/cli/options.js";
import { showProgress } from "../../lib/cli/progress.js";
import { isPacked, readCsv, splitPieces } from "../../lib/data/input.js";
import { fail, reason } from "../../lib/errors/errors.js";
import { count } from "../../lib/errors/plural.js";
import { openModel } from "../../lib/serving/model.js";
import { checkFile } from "../../lib/storage/files.js";
import { options } from "./options.js";
import { openOutput } from "./output.js";
import { type Format, formats } from "./records.js";
import { writeScores } from "./scores.js";

const print = (line: string) => void process.stderr.write(`${line}\n`);

/** Writes a JSON object for each text: its score, or what is wrong with it. Exit code 1 if one was refused. */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = parseOptions("score", options, argv, process.env, ["file"]);
  const { column, arguments: [file] } = settings; // biome-ignore format: one line
  const format = settings.format ?? chooseFormat(file!);
  const { name, source, size } = openInput(file!, format, settings.file);
  const model = await openModel(settings.model);
  print(`model: ${model.name}`);
  const output = openOutput(process.stdout);
  output.closed.addEventListener("abort", () => source.destroy());
  const total = Math.ceil((size ?? 0) / 1000);
  const progress = total === 0 || process.stdout.isTTY ? undefined : showProgress("score", total, "kB");
  let bytesRead = 0;
  const onRead = (bytes: number) => (bytesRead += bytes);
  try {
    const records = formats[format]({ name, bytes: readBytes(source, name, onRead), column, warn: print });
    const { scored, refused, warnings } = await writeScores(records, model, output.write, ({ scored }) =>
      progress?.update(Math.min(total - 1, Math.floor(bytesRead / 1000)), { texts: String(scored) }),
    );
    progress?.update(total, { texts: String(scored) });
    if (format !== "txt") print(`scored: ${scored}, failed: ${refused}`);
    for (const [code, { message, texts }] of warnings) print(`warning: ${code} (${count(texts, "text")}): ${message}`);
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

const endings: Readonly<Record<string, Format>> = { txt: "txt", jsonl: "jsonl", csv: "csv", tsv: "csv", zip: "csv", gz: "csv" };

function chooseFormat(file: string): Format {
  const ending = file === "-" ? "txt" : extname(file).slice(1).toLowerCase();
  if (Object.hasOwn(endings, ending)) return endings[ending]!;
  const problem = `the name of ${file} does not end in ${Object.keys(endings).join(", ")}: give the format with --format`;
  return fail("usage", { problem, help: "readability score --help" });
}

interface Source {
  /** For errors. */
  readonly name: string;
  readonly source: Readable;
  /** In bytes, if it is known. */
  readonly size?: number;
}

/** @throws what readCsv throws */
function openInput(file: string, format: Format, member: string | undefined): Source {
  if (file === "-") return { name: "standard input", source: process.stdin };
  const input = { what: "texts to score", remedy: "Give a .txt, .jsonl or .csv file, or - for standard input.", member };
  checkFile(file, input.what, input.remedy);
  if (format !== "csv" || (member === undefined && !isPacked(file)))
    return { name: file, source: createReadStream(file), size: statSync(file).size };
  const bytes = readCsv(file, input, print);
  return { name: file, source: Readable.from(splitPieces(bytes)), size: bytes.length };
}

/** @throws file-failed */
async function* readBytes(source: Readable, file: string, onRead: (bytes: number) => void): AsyncGenerator<Buffer> {
  try {
    for await (const bytes of source) {
      onRead((bytes as Buffer).length);
      yield bytes as Buffer;
    }
  } catch (error) {
    fail("file-failed", { file, action: "read", cause: reason(error) }, error);
  }
}
