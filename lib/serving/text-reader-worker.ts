import { parentPort, workerData } from "node:worker_threads";
import { ReadabilityError, reason } from "../errors/errors.js";
import { loadTokenizer } from "../text/tokenizer.js";
import { mapWindows, readTextHere } from "./reading.js";
import { packWindows, type ReaderAnswer, type ReaderRequest, type ReaderSetup } from "./text-reader.js";

const { folder, maxLength } = workerData as ReaderSetup;

function answer(work: () => ReaderAnswer): void {
  try {
    const result = work();
    const packed =
      typeof result === "object" && "windows" in result ? [result, ...result.sentences.map(({ rest }) => ({ windows: rest }))] : [];
    parentPort!.postMessage(
      result,
      packed.map(({ windows }) => windows.ids.buffer),
    );
  } catch (error) {
    const code = error instanceof ReadabilityError ? error.code : undefined;
    parentPort!.postMessage({ code, message: reason(error) } satisfies ReaderAnswer);
  }
}

answer(() => {
  const tokenizer = loadTokenizer(folder);
  parentPort!.on("message", ({ text, wanted }: ReaderRequest) =>
    answer(() => mapWindows(readTextHere({ tokenizer, maxLength }, text, wanted), packWindows)),
  );
  return "ready";
});
