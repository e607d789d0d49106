import { existsSync, mkdirSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../../lib/math/random.js";
import { signalAt } from "../../test/kill-at.js";
import { canMount, mount, unmount } from "../../test/mounts.js";
import { createTinyTraining, stepOf, type TinyTraining } from "../../test/tiny-training.js";
import { eventsFile, metricsFile, type StepMetrics } from "./metrics.js";

const kills = 20;
/** About as many changes to the disk as a whole run makes. */
const changes = 500;
const recipes = [
  ["--epochs", "4", "--checkpoint-every", "3"],
  ["--epochs", "3", "--checkpoint-every", "4", "--lr", "0.001", "--dropout", "0.2"],
] as const;

let tiny: TinyTraining;
beforeAll(() => {
  tiny = createTinyTraining();
});
afterAll(() => tiny.remove());

const state = (out: string) => tiny.path(out, "training-state.safetensors");

/** Everything that a finished run writes, without what depends on time. */
function describeEnd(out: string) {
  const { seconds, tokens_per_second, ...record } = tiny.record(out);
  const steps = tiny.read(out, metricsFile).toString().trim().split("\n").map((line) => JSON.parse(line) as StepMetrics); // biome-ignore format: one line
  return {
    weights: tiny.read(out).toString("base64"),
    files: ["config.json", "tokenizer.json", "tokenizer_config.json"].map((name) => tiny.read(out, name).toString()),
    record,
    steps: steps.map(({ seconds, ...step }) => step),
    events: statSync(tiny.path(out, eventsFile)).size,
    report: tiny.read(out, "report.html").includes("</html>"),
    states: existsSync(state(out)),
  };
}

const ends = new Map<number, ReturnType<typeof describeEnd>>();
/** What a run of the recipe writes if nothing stops it. */
async function runStraight(recipe: number): Promise<ReturnType<typeof describeEnd>> {
  if (!ends.has(recipe)) {
    const { code, stderr } = await tiny.run(`straight-${recipe}`, ...recipes[recipe]!);
    expect(code, stderr).toBe(0);
    ends.set(recipe, describeEnd(`straight-${recipe}`));
  }
  return ends.get(recipe)!;
}

it("only one run writes to a folder at a time, and a killed one releases it", async () => {
  const many = ["--epochs", "1000", "--checkpoint-every", "1"];
  const { child, finished } = tiny.start("shared", many);
  while (child.exitCode === null && stepOf(state("shared")) < 2) await sleep(10);
  for (const args of [
    [...many, "--resume"],
    ["--folds", "2"],
    ["--average", tiny.path("one"), tiny.path("two")],
  ]) {
    const { code, stderr } = await tiny.run("shared", ...args);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/Another readability process is writing to .*shared\. Wait until/)]);
  }
  child.kill("SIGKILL");
  expect(await finished).toMatchObject({ code: null }); // it was still running
  const { code, stderr } = await tiny.run("shared", "--max-steps", "1");
  expect(code, stderr).toBe(0);
}, 60_000);

describe("kill -9", { timeout: 300_000 }, () => {
  it("at twenty moments leaves what an uninterrupted run leaves, and the old model until then", async () => {
    const straight = [await runStraight(0), await runStraight(1)];
    const models = straight.map(({ weights, record }) => weights + JSON.stringify(record.run));
    const random = createRandom(7);
    let killed = 0;
    for (let life = 0; killed < kills; life++) {
      const recipe = life % recipes.length;
      for (let resume: string[] = []; ; resume = ["--resume"]) {
        const change = random.int(changes) + 1;
        const { code, stderr } = await tiny.start("killed", [...recipes[recipe]!, ...resume], signalAt({ change })).finished;
        if (code !== null) {
          expect(code, stderr).toBe(0);
          break;
        }
        killed++;
        if (life > 0 && !existsSync(tiny.path("killed", ".model")))
          expect(models).toContain(tiny.read("killed").toString("base64") + JSON.stringify(tiny.record("killed").run));
      }
      expect(describeEnd("killed")).toEqual(straight[recipe]);
    }
  });

  it("between the end of an epoch and its evaluation: the resumed run evaluates it", async () => {
    await tiny.runUntil(10, "evaluated", recipes[0]);
    const { code, stdout, stderr } = await tiny.run("evaluated", ...recipes[0], "--resume");
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/from step 10/);
    expect(stdout).toMatch(/\n\| 1 \|.*\n\| 2 \|/);
    expect(describeEnd("evaluated")).toEqual(await runStraight(0));
  });

  it("a finished run is not repeated", async () => {
    await tiny.run("done");
    const before = describeEnd("done");
    const written = statSync(tiny.path("done", "report.html")).mtimeMs;
    const { code, stdout, stderr } = await tiny.run("done", "--resume");
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toMatch(/done already has the finished model of this run; nothing to do/);
    expect(describeEnd("done")).toEqual(before);
    expect(statSync(tiny.path("done", "report.html")).mtimeMs).toBe(written);
  });

  it("a run that --max-steps ended can resume to the end of its schedule", async () => {
    await tiny.run("short", "--max-steps", "4", ...recipes[0]);
    expect(tiny.record("short").steps).toBe(4);
    const { stderr } = await tiny.run("short", ...recipes[0], "--resume");
    expect(stderr).toMatch(/from step 4/);
    expect(describeEnd("short")).toEqual(await runStraight(0));
  });
});

describe.skipIf(!canMount())("a small disk", () => {
  it("that is full stops the run with the last saved state; with more space it resumes from there", async () => {
    const straight = await runStraight(0);
    const disk = tiny.path("disk");
    mkdirSync(disk);
    mount(disk, `size=${Math.round(1.5 * statSync(tiny.path("straight-0", "model.safetensors")).size * 3)}`);
    try {
      const full = await tiny.run("disk", ...recipes[0]);
      expect(full.code).toBe(1);
      expect(full.stderr).toMatch(/error: No space left to write .*training-state.*Free some/);
      expect(stepOf(state("disk"))).toBe(3);
      mount(disk, "remount,size=64m");
      const { code, stderr } = await tiny.run("disk", ...recipes[0], "--resume");
      expect(code, stderr).toBe(0);
      expect(stderr).toMatch(/from step 3/);
      expect(describeEnd("disk")).toEqual(straight);
      mount(disk, "remount,ro");
      const refused = await tiny.run("disk", ...recipes[0]);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/error: Cannot write .*disk.*: EROFS/);
    } finally {
      unmount(disk);
    }
  });
});

it("a worker that dies is an error", async () => {
  const crash = `import { isMainThread, parentPort, workerData } from "node:worker_threads";
    let steps = 0;
    if (!isMainThread && workerData.index === 1) parentPort.on("message", ({ kind }) => kind === "step" && ++steps === 3 && process.exit(9));`;
  const env = { NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(crash)}"` };
  const { code, stderr } = await tiny.start("crashed", [], env).finished;
  expect(stderr).toMatch(/Training worker 1 stopped: exit code 9\. Continue from the last saved state with --resume/);
  expect(code).toBe(1);
});

it("a step that is not finite names its passages and the way out", async () => {
  const wild = ["--lr", "1e30", "--clip", "1e30", "--warmup", "0.9", "--checkpoint-every", "1"];
  const first = await tiny.run("wild", ...wild);
  expect(first.code).toBe(1);
  expect(first.stderr).toMatch(
    /Training stopped at step \d+: its loss is .* passages: \S+, .*To continue from .*training-state\.safetensors, saved after step \d+/,
  );
  const again = await tiny.run("wild", ...wild, "--resume");
  expect(again.stderr).toMatch(/Step \d+ of the run in .* diverged with --lr 1e\+30 and would diverge again\. Lower --lr/);
  expect(again.code).toBe(1);
  const lower = await tiny.run("wild", ...wild, "--lr", "1e-5", "--resume");
  expect(lower.stderr).toMatch(/continuing with --lr 0.00001 in place of 1e\+30/);
});
