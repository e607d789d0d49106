import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { type ErrorCode, ReadabilityError } from "../errors/errors.js";
import { compiled } from "../system/package-files.js";
import { mapWindows, type Reading, type ReadWindows, readTextHere, type TextModel, type Wanted } from "./reading.js";

/** A thread that reads texts, one at a time, with the tokenizer of one model. */
export interface TextReader {
  /** @throws what `readTextHere` throws; the reason of `signal` if it aborts before the text's turn */
  read(text: string, wanted: Wanted, signal?: AbortSignal): Promise<Reading>;
  /** Ends the thread after the texts that it was given. */
  close(): Promise<void>;
}

/** The setup of the thread. */
export interface ReaderSetup {
  /** Of the tokenizer's files. */
  readonly folder: string;
  readonly maxLength: number;
}

export interface ReaderRequest {
  readonly text: string;
  readonly wanted: Wanted;
}

/** Windows in one array, which changes threads without a copy. */
interface PackedWindows {
  readonly ids: Int32Array<ArrayBuffer>;
  /** Of each window. */
  readonly sizes: readonly number[];
  readonly weights: readonly number[];
}

export type ReaderAnswer = "ready" | Reading<PackedWindows> | { readonly code: ErrorCode | undefined; readonly message: string };

/** The longest text that is read on the calling thread, in UTF-16 units; it takes a few milliseconds. */
export const longestReadHere = 4096;

/**
 * Reads a text in the way that every part of the product does. Long texts, and all sentences, are read on the model's reader thread if it
 * has one, so that a server stays responsive.
 * @param original the text as it was given
 * @throws empty-text, text-too-long, too-many-sentences, short-window; the reason of `signal`
 */
export async function readText(
  model: TextModel & { readonly reader?: TextReader },
  original: string,
  wanted: Wanted = {},
  signal?: AbortSignal,
): Promise<Reading> {
  const isLong = original.length > longestReadHere || wanted.sentences;
  if (model.reader && isLong) return model.reader.read(original, wanted, signal);
  await nextTurn(); // let other requests run between the texts of a batch
  return readTextHere(model, original, wanted);
}

/**
 * Starts the thread. If a text kills it, another one takes its place.
 * @param script the thread's compiled module
 * @throws no-tokenizer, bad-tokenizer
 */
export async function startTextReader(
  setup: ReaderSetup,
  script: string = compiled("lib/serving/text-reader-worker"),
): Promise<TextReader> {
  let worker: Worker | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function start(): Promise<Worker> {
    // The thread must not inherit flags of this process, such as a test runner's loaders.
    const started = new Worker(script, { workerData: setup, execArgv: [] });
    started.on("error", () => {
      worker = undefined; // `receive` throws the error
    });
    await receive(started);
    return started;
  }

  async function ask(request: ReaderRequest): Promise<Reading> {
    worker ??= await start();
    worker.postMessage(request);
    return mapWindows((await receive(worker)) as Reading<PackedWindows>, unpackWindows);
  }

  worker = await start();
  return {
    read(text, wanted, signal) {
      const reading = last.then(() => {
        signal?.throwIfAborted();
        return ask({ text, wanted });
      });
      last = reading.catch(() => {});
      return reading;
    },
    async close() {
      await last;
      await worker?.terminate();
    },
  };
}

/** Starts the thread when the first text needs it. */
export function startTextReaderLazily(setup: ReaderSetup): TextReader {
  let reader: Promise<TextReader> | undefined;
  return {
    async read(text, wanted, signal) {
      reader ??= startTextReader(setup);
      return (await reader).read(text, wanted, signal);
    },
    close: async () => (await reader?.catch(() => undefined))?.close(),
  };
}

/** The thread's next answer. @throws the error in the answer, or the error that ended the thread */
async function receive(worker: Worker): Promise<"ready" | Reading<PackedWindows>> {
  const [answer] = (await once(worker, "message")) as [ReaderAnswer];
  if (typeof answer === "string" || "windows" in answer) return answer;
  throw answer.code === undefined ? new Error(answer.message) : new ReadabilityError(answer.code, answer.message);
}

export function packWindows({ ids, weights }: ReadWindows): PackedWindows {
  const sizes = ids.map(({ length }) => length);
  const packed = new Int32Array(sizes.reduce((a, b) => a + b, 0));
  let end = 0;
  for (const window of ids) {
    packed.set(window, end);
    end += window.length;
  }
  return { ids: packed, sizes, weights };
}

function unpackWindows({ ids, sizes, weights }: PackedWindows): ReadWindows {
  let end = 0;
  const windows = sizes.map((size) => {
    end += size;
    return ids.subarray(end - size, end);
  });
  return { ids: windows, weights };
}
