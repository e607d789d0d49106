import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTinyTraining, type TinyTraining } from "../../test/tiny-training.js";
import { bestOf, compareChoices } from "./select.js";

const epochsOf = (...rmses: number[]) => rmses.map((rmse, i) => ({ epoch: i + 1, training_loss: 1, validation_loss: rmse ** 2, rmse }));

it("takes the first of the epochs with the lowest RMSE for the best", () => {
  expect(compareChoices("best", epochsOf(0.7, 0.5, 0.5, 0.6))).toEqual({ selected: "best", last: 0.6, best: 0.5, best_epoch: 2 });
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 9, noNaN: true }), { minLength: 1 }), (rmses) => {
      const { rmse, epoch } = bestOf(epochsOf(...rmses));
      expect(rmse).toBe(Math.min(...rmses));
      expect(rmses.indexOf(rmse) + 1).toBe(epoch);
    }),
  );
});

describe("--select best", { timeout: 240_000 }, () => {
  let tiny: TinyTraining;
  beforeAll(() => {
    tiny = createTinyTraining();
  });
  afterAll(() => tiny.remove());
  const options = ["--lr", "0.1", "--epochs", "8"]; // a rate at which the last epoch is seldom the best

  it("writes the weights of the best epoch, and tells the last beside it", async () => {
    const { code, stdout, stderr } = await tiny.run("best", ...options, "--select", "best");
    expect(code, stderr).toBe(0);
    const { epochs, choices, validation, steps } = tiny.record("best");
    const best = bestOf(epochs);
    expect(choices).toEqual({ selected: "best", last: epochs.at(-1)!.rmse, best: best.rmse, best_epoch: best.epoch });
    expect(validation.rmse).toBe(best.rmse);
    expect(stdout.split("\n")[1 + best.epoch]).toContain(`| ${best.rmse.toFixed(4)} |`);
    expect(stderr).toContain(`last ${epochs.at(-1)!.rmse.toFixed(4)}, best ${best.rmse.toFixed(4)} (epoch ${best.epoch})`);
    await tiny.run("until-best", ...options, "--max-steps", String((best.epoch * steps) / 8));
    expect(tiny.read("best").equals(tiny.read("until-best"))).toBe(true);
  });

  it("keeps the best weights over a kill", async () => {
    const more = [...options, "--select", "best"];
    await tiny.run("straight", ...more);
    const { best_epoch } = tiny.record("straight").choices!;
    await tiny.runUntil(Math.min(70, best_epoch * 10), "killed", more);
    const { stderr } = await tiny.run("killed", ...more, "--resume");
    expect(stderr).toMatch(/from step [1-9]/);
    expect(tiny.read("killed").equals(tiny.read("straight"))).toBe(true);
    expect(tiny.record("killed").choices).toEqual(tiny.record("straight").choices);
    expect(tiny.record("killed").epochs).toEqual(tiny.record("straight").epochs);
  });
});
