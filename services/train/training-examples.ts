import type { TrainingExample } from "./augment.js";
import type { Data } from "./data.js";
import type { Settings } from "./options.js";
import type { Teaching } from "./teacher.js";
import { weighPassages } from "./weighting.js";

/**
 * The examples that a model is trained on: the passages of these indices, weighted as the settings say, and the windows and passages without
 * labels that teachers have scored. These weigh 1, the mean weight of the labelled passages. A passage on which the teachers disagree keeps
 * its label alone.
 */
export function pickTrainingExamples(
  settings: Settings,
  data: Data,
  indices: readonly number[],
  teaching: Teaching | undefined,
): readonly TrainingExample[] {
  const { weighting, teacherWeight, data: file } = settings;
  const passages = indices.map((i) => data.passages[i]!);
  const weights = weighting === "none" ? undefined : weighPassages(passages, file);
  const labelled = indices.map((index, i): TrainingExample => {
    const example = data.examples[index]!;
    // (1 - w) (s - target)^2 + w (s - score)^2 differs from (s - mix)^2 only by a term that does not depend on s.
    const score = teaching?.scores.get(index);
    const target = score === undefined ? example.target : (1 - teacherWeight) * example.target + teacherWeight * score;
    return { ...example, target, ...(weights ? { weight: weights[i]! } : {}) };
  });
  return [...labelled, ...(teaching ? [...pickWindows(data, indices, teaching), ...teaching.unlabelled] : [])];
}

/** The windows of these passages, except those whose text also occurs in another passage, which may be held out. */
function pickWindows({ texts }: Data, indices: readonly number[], { windows }: Teaching): TrainingExample[] {
  const picked = new Set(indices);
  const others = texts.filter((_, i) => !picked.has(i)).join("\n");
  return windows.filter(({ passage, text }) => picked.has(passage) && !others.includes(text)).map(({ example }) => example);
}
