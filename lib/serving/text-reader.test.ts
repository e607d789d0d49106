import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeWordPieceTokenizer } from "../../test/tiny-tokenizers.js";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.js";
import { type Reading, readTextHere } from "./reading.js";
import { longestReadHere, readText, startTextReader, type TextReader } from "./text-reader.js";

const folder = mkdtempSync(join(tmpdir(), "text-reader-"));
writeWordPieceTokenizer(folder);
const tokenizer = loadTokenizer(folder);
const maxLength = 50;
let reader: TextReader;
beforeAll(async () => {
  reader = await startTextReader({ folder, maxLength });
});
afterAll(async () => {
  await reader.close();
  rmSync(folder, { recursive: true });
});

const everything = { warnings: true, formulas: true, sentences: true };
const prose = "The ﬁrst cat sat on the mat. Then it sat on it again! Did it?\n";

/** The reading with plain arrays. */
const plain = ({ windows, sentences, ...others }: Reading) => {
  const list = ({ ids, weights }: Reading["windows"]) => ({ weights, ids: ids.map((window) => Array.from(window)) });
  return { ...others, windows: list(windows), sentences: sentences.map(({ rest, ...place }) => ({ ...place, rest: list(rest) })) };
};

describe("a text reader", () => {
  it("reads a text as the calling thread does, bit for bit", async () => {
    for (const text of ["a", prose, prose.repeat(15), "漢字。".repeat(10)]) {
      const here = readTextHere({ tokenizer, maxLength }, text, everything);
      expect(plain(await reader.read(text, everything))).toEqual(plain(here));
    }
    const long = prose.repeat(500);
    expect(plain(await reader.read(long, {}))).toEqual(plain(readTextHere({ tokenizer, maxLength }, long, {})));
  });

  it("passes errors on, and reads the next text", async () => {
    await expect(reader.read("\u0301", {})).rejects.toMatchObject({ code: "empty-text", status: 422 });
    const limit = { tokens: 10, seconds: 1 };
    await expect(reader.read(prose, { limit })).rejects.toMatchObject({ code: "text-too-long", status: 413 });
    expect((await reader.read(prose, {})).windows.ids).toHaveLength(1);
  });

  it("does not read what is no longer wanted", async () => {
    const controller = new AbortController();
    const first = reader.read(prose, {});
    const second = reader.read(prose, {}, controller.signal);
    controller.abort("gone");
    await expect(second).rejects.toBe("gone");
    expect((await first).windows.ids).toHaveLength(1);
  });

  it("says why it cannot start", async () => {
    await expect(startTextReader({ folder: join(folder, "nothing"), maxLength })).rejects.toMatchObject({ code: "no-tokenizer" });
    await expect(startTextReader({ folder, maxLength }, join(folder, "missing.mjs"))).rejects.toThrow("missing.mjs");
  });

  it("replaces a thread that died of a text", async () => {
    const script = join(folder, "thread.mjs");
    writeFileSync(
      script,
      `import { parentPort } from "node:worker_threads";
      parentPort.on("message", ({ text }) => {
        if (text === "deadly") throw new Error("out of memory");
        parentPort.postMessage({ windows: { ids: new Int32Array(), sizes: [], weights: [7] }, sentences: [], warnings: [] });
      });
      parentPort.postMessage("ready");`,
    );
    const other = await startTextReader({ folder, maxLength }, script);
    const results = await Promise.allSettled(["a", "deadly", "b"].map((text) => other.read(text, {})));
    expect(results.map((result) => (result.status === "fulfilled" ? result.value.windows.weights : result.reason.message))).toEqual([
      [7],
      "out of memory",
      [7],
    ]);
    await other.close();
  });

  it("answers what it was given before it closes", async () => {
    const other = await startTextReader({ folder, maxLength });
    const reading = other.read(prose, {});
    await other.close();
    expect((await reading).windows.ids).toHaveLength(1);
  });
});

describe("readText", () => {
  /** Notes the lengths of the texts that are tokenized on this thread. */
  function watchTokenizer() {
    const lengths: number[] = [];
    const watched: Tokenizer = {
      ...tokenizer,
      encode(text) {
        lengths.push(text.length);
        return tokenizer.encode(text);
      },
      countTokens(text) {
        lengths.push(text.length);
        return tokenizer.countTokens(text);
      },
    };
    return { lengths, watched };
  }

  it("tokenizes no long text and no sentences on the calling thread", async () => {
    const { lengths, watched } = watchTokenizer();
    const model = { tokenizer: watched, maxLength, reader };
    for (const length of [1, longestReadHere, longestReadHere + 1, 1 << 20])
      await readText(model, "a cat. ".repeat(length).slice(0, length));
    await readText(model, prose, { sentences: true });
    expect(Math.max(...lengths)).toBe(longestReadHere);
    expect((await readText({ tokenizer: watched, maxLength }, prose.repeat(500))).windows.ids.length).toBeGreaterThan(100);
    expect(Math.max(...lengths)).toBeGreaterThan(longestReadHere); // without a reader there is no other thread
  });

  it("lets the calling thread go on while a long text is read, and between short ones", async () => {
    const model = { tokenizer, maxLength, reader };
    /** Turns of the event loop until the work is done. */
    const countTurns = async (work: Promise<unknown>) => {
      let turns = 0;
      let done = false;
      void work.finally(() => {
        done = true;
      });
      for (; !done; turns++) await new Promise((resolve) => setImmediate(resolve));
      return turns;
    };
    // Of one text that blocks the loop there would be a turn or two, however long it is.
    expect(await countTurns(readText(model, prose.repeat(4000)))).toBeGreaterThan(20);
    const readAll = async () => {
      for (let i = 0; i < 50; i++) await readText(model, "a cat sat");
    };
    expect(await countTurns(readAll())).toBeGreaterThanOrEqual(50);
  });
});
