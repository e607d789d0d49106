import type { Row } from "../../lib/training/batch.js";
import type { Data } from "./data.js";
import type { Settings } from "./options.js";
import type { Teaching } from "./teacher.js";
import { weighPassages } from "./weighting.js";

/**
 * What a model is trained on: the graded passages of these indices as settings weigh them, and windows that the teacher has scored,
 * each of which counts as the mean passage.
 */
export function pickTrainingRows(settings: Settings, data: Data, indices: readonly number[], teaching: Teaching | undefined): Row[] {
  const { weighting, teacherWeight, data: file } = settings;
  const picked = indices.map((i) => data.passages[i]!);
  const weights = weighting === "none" ? undefined : weighPassages(picked, file);
  const graded = indices.map((index, i): Row => {
    const row = data.rows[index]!;
    // (1 - w) (s - grade)^2 + w (s - score)^2 is (s - mix)^2 but for what does not depend on s.
    const target = teaching ? (1 - teacherWeight) * row.target + teacherWeight * teaching.scores.get(index)! : row.target;
    return { ...row, target, ...(weights ? { weight: weights[i]! } : {}) };
  });
  return [...graded, ...(teaching ? pickWindows(data, indices, teaching) : [])];
}

/** The windows of these passages, without those whose words stand in another passage too: it may be one that is held out. */
function pickWindows({ passages }: Data, indices: readonly number[], { windows }: Teaching): Row[] {
  const picked = new Set(indices);
  const others = passages.flatMap(({ excerpt }, i) => (picked.has(i) ? [] : [excerpt])).join("\n");
  return windows.filter(({ passage, text }) => picked.has(passage) && !others.includes(text)).map(({ row }) => row);
}
