import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Child, startChild } from "../lib/system/child.js";
import { compiled } from "../lib/system/package-files.js";
import { writeRepository } from "./repositories.js";
import { createTinyTraining } from "./tiny-training.js";

const timeout = 120_000;
/** Not every container lets processes be traced. */
const canTrace = spawnSync("strace", ["-f", "-o", "/dev/null", "true"]).status === 0;
if (!canTrace) console.warn("strace does not work here: connections are not checked");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "privacy-"));
  mkdirSync(join(folder, "home"));
  writeRepository(join(folder, "repository"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Starts a command with an empty home, under strace if that works. Variables of this process that would help do not count. */
function start(argv: readonly string[], input?: string): Child {
  const trace = canTrace ? ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", join(folder, "trace")] : [];
  const home = join(folder, "home");
  const env = { HOME: home, XDG_CACHE_HOME: home, TMPDIR: home, ORT_DISABLE_TELEMETRY: undefined };
  return startChild([...trace, process.execPath, compiled("cli"), ...argv], { cwd: folder, env, input });
}

async function expectPrivate({ exited }: Child): Promise<void> {
  const { code, lines } = await exited;
  expect(code, lines.join("\n")).toBe(0);
  expect(readdirSync(join(folder, "home"), { recursive: true })).toEqual([]);
  if (!canTrace) return;
  expect(existsSync(join(folder, "trace"))).toBe(true);
  const calls = readFileSync(join(folder, "trace"), "utf8").split("\n");
  const abroad = calls.filter((call) => /AF_INET/.test(call) && (!/"127\.|"::1"/.test(call) || /htons\(53\)/.test(call)));
  expect(abroad).toEqual([]);
}

it("score connects to nobody and writes nothing into the user's folders", { timeout }, async () => {
  const child = start(["score", "--model", "repository", "-"], "The cat sat on the mat.\n");
  expect(JSON.parse(await text(child.process.stdout!))).toMatchObject({ score: expect.any(Number) });
  await expectPrivate(child);
});

it("inference neither", { timeout }, async () => {
  const child = start(["inference", "--repository", "repository", "--port", "0", "--metrics-port", "0"]);
  let log = "";
  let address: string | undefined;
  for await (const part of child.process.stderr!.setEncoding("utf8")) {
    log += part;
    address ??= /ready: (\S+)/.exec(log)?.[1];
    if (!address || !child.process.connected) continue;
    const tensor = (name: string) => ({ name, datatype: "INT64", shape: [1, 3], data: [1, 1, 1] });
    const inputs = ["input_ids", "attention_mask", "token_type_ids"].map(tensor);
    const answer = await fetch(`${address}/v2/models/readability/infer`, { method: "POST", body: JSON.stringify({ inputs }) });
    expect(answer.status, await answer.text()).toBe(200);
    child.process.disconnect(); // ends it: a signal would end strace
  }
  await expectPrivate(child);
});

it("train neither", { timeout }, async () => {
  const tiny = createTinyTraining();
  try {
    const options = ["--data", tiny.data, "--base", tiny.base, "--max-length", "32", "--batch", "8", "--workers", "2"];
    await expectPrivate(start(["train", ...options, "--out", "out", "--epochs", "1", "--max-steps", "1"]));
  } finally {
    tiny.remove();
  }
});
