import { existsSync, mkdirSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../../lib/math/random.js";
import { canMount, mount, unmount } from "../../test/mounts.js";
import { createTinyTraining, stepOf, type TinyTraining } from "../../test/tiny-training.js";
import { eventsFile, metricsFile, type StepMetrics } from "./metrics.js";

const kills = 20;
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

/** All that a finished run leaves, without what tells time. */
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

it("a folder is one run's at a time: another is refused, and a killed one leaves it free", async () => {
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

describe("kill -9", () => {
  it("twenty times at any moment leaves what a run leaves that never stopped, and the old model until then", {
    timeout: 900_000,
  }, async () => {
    const random = createRandom(7);
    const lives: number[] = [];
    for (const [i, recipe] of recipes.entries()) {
      const began = Date.now();
      const { code, stderr } = await tiny.run(`straight-${i}`, ...recipe);
      lives.push(Date.now() - began);
      expect(code, stderr).toBe(0);
    }
    const straight = recipes.map((_, i) => describeEnd(`straight-${i}`));
    const whole = straight.map(({ weights, record }) => weights + JSON.stringify(record.run));

    /** Runs the recipe, killed at a moment that is drawn; answers whether it ended before. */
    async function runOnce(i: number, resume: boolean): Promise<boolean> {
      const { child, finished } = tiny.start("killed", [...recipes[i]!, ...(resume ? ["--resume"] : [])]);
      const ended = finished.then(({ code, stderr }) => (code === null ? "killed" : expect(code, stderr).toBe(0)));
      const last = straight[i]!.steps.length;
      const moments = [
        () => sleep(random.uniform() * lives[i]!),
        async () => {
          const step = random.int(last) + 1;
          while (child.exitCode === null && stepOf(state("killed")) < step) await sleep(2);
          await sleep(random.int(100));
        },
        async () => {
          while (child.exitCode === null && stepOf(state("killed")) < last) await sleep(1);
          await sleep(random.int(400)); // evaluation, and the final write
        },
      ];
      await Promise.race([moments[random.int(3)]!(), ended]);
      child.kill("SIGKILL");
      return (await ended) !== "killed";
    }

    let killed = 0;
    for (let life = 0; killed < kills; life++) {
      const i = life % recipes.length;
      for (let resume = false; !(await runOnce(i, resume)); resume = true) {
        killed++;
        if (life > 0 && !existsSync(tiny.path("killed", ".model"))) {
          expect(whole).toContain(tiny.read("killed").toString("base64") + JSON.stringify(tiny.record("killed").run));
        }
      }
      expect(describeEnd("killed")).toEqual(straight[i]);
    }
  });

  it("a run that is finished is left as it is", async () => {
    await tiny.run("done");
    const before = describeEnd("done");
    const written = statSync(tiny.path("done", "report.html")).mtimeMs;
    const { code, stdout, stderr } = await tiny.run("done", "--resume");
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toMatch(/done already has the finished model of this run; nothing to do/);
    expect(describeEnd("done")).toEqual(before);
    expect(statSync(tiny.path("done", "report.html")).mtimeMs).toBe(written);
  });

  it("one that --max-steps ended goes on to the end of its schedule", async () => {
    await tiny.run("short", "--max-steps", "4", ...recipes[0]);
    expect(tiny.record("short").steps).toBe(4);
    const { stderr } = await tiny.run("short", ...recipes[0], "--resume");
    expect(stderr).toMatch(/from step 4/);
    expect(describeEnd("short")).toEqual(describeEnd("straight-0"));
  });
});

describe.skipIf(!canMount())("a small disk", () => {
  it("that is full stops the run with the last good state; with more room it goes on from there", async () => {
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
      expect(describeEnd("disk")).toEqual(describeEnd("straight-0"));
      mount(disk, "remount,ro");
      const refused = await tiny.run("disk", ...recipes[0]);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/error: Cannot write .*disk.*: EROFS/);
    } finally {
      unmount(disk);
    }
  });
});

it("a worker that dies is an error, not a hang", async () => {
  const crash = `import { isMainThread, parentPort, workerData } from "node:worker_threads";
    let steps = 0;
    if (!isMainThread && workerData.index === 1) parentPort.on("message", ({ kind }) => kind === "step" && ++steps === 3 && process.exit(9));`;
  const env = { NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(crash)}"` };
  const { code, stderr } = await tiny.start("crashed", [], env).finished;
  expect(stderr).toMatch(/Training worker 1 stopped: exit code 9\. Continue from the last saved state with --resume/);
  expect(code).toBe(1);
});

it("a step that is not finite names its passages and the way out, which is open", async () => {
  const wild = ["--lr", "1e30", "--clip", "1e30", "--warmup", "0.9", "--checkpoint-every", "1"];
  const first = await tiny.run("wild", ...wild);
  expect(first.code).toBe(1);
  expect(first.stderr).toMatch(
    /Training stopped at step \d+: its loss is .* passages: \S+, .*To continue from .*training-state\.safetensors, saved after step \d+/,
  );
  const again = await tiny.run("wild", ...wild, "--resume");
  expect(again.stderr).toMatch(/Step \d+ of the run in .* diverged with --lr 1e\+30 and would diverge again\. Lower --lr/);
  const lower = await tiny.run("wild", ...wild, "--lr", "1e-5", "--resume");
  expect(lower.stderr).toMatch(/continuing with --lr 0.00001 in place of 1e\+30/);
});
