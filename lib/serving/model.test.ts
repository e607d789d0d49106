import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { meanGraph, meanScore } from "../../test/graphs.js";
import { writeRepository } from "../../test/repositories.js";
import { copyTiny } from "../../test/tiny-models.js";
import { readCheckpoint } from "../bert/checkpoint.js";
import { places } from "../cli/paths.js";
import { type Model, openModel } from "./model.js";
import { createScheduler } from "./scheduler.js";
import { scoreText } from "./score-text.js";

let folder: string;
const start = process.cwd();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "model-"));
});
afterEach(() => {
  process.chdir(start);
  rmSync(folder, { recursive: true, force: true });
});

const text = "the cat sat on the mat";
const scoreOnce = async (model: Model) => {
  const { score } = await scoreText(createScheduler(), model, text);
  await model.engine.close();
  return score;
};

it("opens the newest version of a repository", async () => {
  writeRepository(folder, { version: 2 });
  writeRepository(folder, { version: 10, graph: meanGraph(0.005) });
  const model = await openModel(folder);
  expect(model).toMatchObject({ name: "readability, version 10", maxLength: 16 });
  expect(await scoreOnce(model)).toBe(meanScore(model.tokenizer.encode(text), 0.005));
});

it("opens a checkpoint in float32, with the length of its tokenizer", async () => {
  copyTiny("bert", folder);
  const { positions } = readCheckpoint(folder).config;
  const model = await openModel(folder);
  expect(model).toMatchObject({ name: folder, maxLength: Math.min(128, positions) });
  expect(await scoreOnce(model)).toSatisfy(Number.isFinite);
});

it("takes what was made last: the repository, else the checkpoint", async () => {
  process.chdir(folder);
  copyTiny("bert", places.model);
  const checkpoint = await openModel();
  expect(checkpoint.name).toBe(places.model);
  await checkpoint.engine.close();
  mkdirSync(places.repository); // without a model in it
  const still = await openModel();
  expect(still.name).toBe(places.model);
  await still.engine.close();
  writeRepository(places.repository);
  const repository = await openModel();
  expect(repository.name).toBe("readability, version 1");
  await repository.engine.close();
});

it("says what was expected where there is no model", async () => {
  await expect(openModel(join(folder, "nothing"))).rejects.toMatchObject({ code: "no-model", message: expect.stringContaining("nothing") });
  await expect(openModel(folder)).rejects.toMatchObject({ code: "no-model" });
});
