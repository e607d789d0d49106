import { parseOptions } from "../../lib/cli/options.js";
import { showProgress } from "../../lib/cli/progress.js";
import { fail, reason } from "../../lib/errors/errors.js";
import { count } from "../../lib/errors/plural.js";
import { loadScorer } from "../../lib/serving/load-scorer.js";
import type { WarningCode } from "../../lib/text/warnings.js";
import { findInputs, type Input, readInputs } from "./inputs.js";
import { options, outputFormats } from "./options.js";
import { openOutput } from "./output.js";
import { type InputRecord, inputFormats } from "./records.js";
import { formatLine, judge, type Outcome, scoreRecords } from "./scores.js";
import { createTable } from "./table.js";

const print = (line: string) => void process.stderr.write(`${line}\n`);

/**
 * Writes for each text its score, or what is wrong with it: as a table or as lines of JSON.
 * Exit code 1 if a text has no score, or is harder than a limit.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = parseOptions("score", options, argv, process.env, ["<file...>"]);
  const { formulas, sentences, format, column, file: member } = settings;
  const inputs = findInputs(settings.arguments, settings.input ?? inputFormats.find((input) => input === format));
  const isTable = format === "table" || (process.stdout.isTTY && !outputFormats.some((output) => output === format));
  const isFull = format === "json" || formulas || sentences;
  const scorer = await loadScorer({ model: settings.model });
  print(`model: ${scorer.name}`);

  const output = openOutput(process.stdout);
  const total = Math.ceil(inputs.reduce((sum, { size }) => sum + size, 0) / 1000);
  const progress = total === 0 || process.stdout.isTTY ? undefined : showProgress("score", total, "kB");
  const tally = { scored: 0, failed: 0, tooHard: 0, coverage: undefined as number | undefined };
  const warned = new Map<WarningCode, { message: string; texts: number }>();
  const table = isTable ? createTable(tableOptions(inputs)) : undefined;
  let bytesRead = 0;

  /** @returns what is written for the outcome */
  function take(outcome: Outcome): string {
    const { record, result } = outcome;
    const name = nameRecord(record, inputs[0]!.file);
    if ("error" in result) {
      tally.failed++;
      return table?.line(outcome, name, undefined) ?? formatLine(outcome, isFull);
    }
    tally.scored++;
    tally.coverage ??= result.interval?.coverage;
    for (const { code, message } of result.warnings) warned.set(code, { message, texts: 1 + (warned.get(code)?.texts ?? 0) });
    const tooHard = judge(result, settings);
    if (tooHard !== undefined) {
      tally.tooHard++;
      if (!table) print(`too hard: ${name}: ${tooHard}`);
    }
    return table?.line(outcome, name, tooHard) ?? formatLine(outcome, isFull);
  }

  try {
    const onRead = (bytes: number) => {
      bytesRead += bytes;
    };
    const reading = { column, member, warn: print, onRead, signal: output.closed };
    if (table) await output.write(table.header);
    for await (const outcome of scoreRecords(readInputs(inputs, reading), scorer, { formulas, sentences })) {
      await output.write(take(outcome));
      progress?.update(Math.min(total - 1, Math.floor(bytesRead / 1000)), { texts: String(tally.scored) });
    }
    if (table) await output.write(table.footer(tally.coverage, sentences));
    progress?.update(total, { texts: String(tally.scored) });
    if (tally.scored + tally.failed > 1 || inputs[0]!.format === "csv" || inputs[0]!.format === "jsonl")
      print(`scored: ${tally.scored}, failed: ${tally.failed}`);
    if (tally.tooHard > 0) print(`too hard: ${count(tally.tooHard, "text")} of ${tally.scored}`);
    if (!table) for (const [code, { message, texts }] of warned) print(`warning: ${code} (${count(texts, "text")}): ${message}`);
    return tally.failed + tally.tooHard === 0 ? 0 : 1;
  } catch (error) {
    if ((output.closed.reason as NodeJS.ErrnoException | undefined)?.code === "EPIPE") return 0;
    if (output.closed.aborted)
      return fail("file-failed", { file: "standard output", action: "write", cause: reason(output.closed.reason) });
    throw error;
  } finally {
    progress?.stop();
    await scorer.close();
    output.release();
  }
}

function tableOptions(inputs: readonly Input[]) {
  const width = process.stdout.columns ?? 100;
  const longest = Math.max(...inputs.map(({ file }) => file.length));
  const names = Math.max(12, Math.min(inputs.length > 1 ? Math.max(longest, 16) : 24, width - 64));
  return { width, names, color: process.stdout.isTTY && !process.env.NO_COLOR };
}

const nameRecord = ({ file, id }: InputRecord, only: string): string =>
  [file ?? (id === undefined ? only : undefined), id].filter((part) => part !== undefined).join(" ");
