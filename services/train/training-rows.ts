import type { Data } from "./data.js";
import type { Settings } from "./options.js";
import type { Row } from "./rows.js";
import { weighPassages } from "./weighting.js";

/** What a model is trained on: the graded passages of these indices, weighted as settings tell. */
export function pickTrainingRows({ weighting, data: file }: Settings, { passages, rows }: Data, indices: readonly number[]): Row[] {
  const picked = indices.map((i) => rows[i]!);
  if (weighting === "none") return picked;
  const weights = weighPassages(indices.map((i) => passages[i]!), file); // biome-ignore format: one line
  return picked.map((row, i) => ({ ...row, weight: weights[i]! }));
}
