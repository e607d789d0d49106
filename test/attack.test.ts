import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { mutate } from "../bench/mutate.js";
import { createRandom } from "../lib/math/random.js";
import { startChild } from "../lib/system/child.js";
import { compiled } from "../lib/system/package-files.js";

const cases = 100;
const seed = Number(process.env.SEED ?? Date.now() % 1e6);

it("a mutation depends on its seed alone, and is rarely the input", () => {
  const seeds = ['{"a": [1, 2, {"b": "c"}]}', "\0\x01\x02 12 345"].map((text) => Buffer.from(text));
  const draw = () => Array.from({ length: 300 }, (_, i) => mutate(createRandom(7, i), seeds).toString("latin1"));
  expect(draw()).toEqual(draw());
  expect(new Set(draw()).size).toBeGreaterThan(200);
});

// node dist/bench/attack.js tries 10,000 cases of each.
it(`servers and readers answer or refuse mutated inputs, and do not crash (SEED=${seed})`, { timeout: 300_000 }, async () => {
  const args = ["--cases", String(cases), "--seed", String(seed), "--longest", "60"];
  const child = startChild([process.execPath, compiled("bench/attack"), ...args]);
  const [stdout, stderr] = await Promise.all([text(child.process.stdout!), text(child.process.stderr!)]);
  expect((await child.exited).code, stderr).toBe(0);
  const rows = [...stdout.matchAll(/^\| ([\w.]+) +\| +(\d+) \| +(\d+) \| +(\d+) \|/gm)].map(([, name, ...counts]) => [
    name,
    ...counts.map(Number),
  ]);
  expect(rows.map(([name]) => name)).toEqual([
    "inference",
    "api",
    "model.onnx",
    "version",
    "metadata.json",
    "tokenizer.json",
    "safetensors",
    "csv",
    "zip",
  ]);
  for (const [name, tried, refused, accepted] of rows as [string, number, number, number][]) {
    expect([name, tried]).toEqual([name, name === "version" ? cases / 50 : cases]);
    if (name !== "version")
      expect(
        [refused, accepted].every((count) => count > 0),
        name,
      ).toBe(true);
  }
});
