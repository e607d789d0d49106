import type { ScoreAnswer } from "./answers.js";

/** The reader that a text is meant for. */
export type Target = { readonly grade: number } | { readonly score: number };

export interface Verdict {
  readonly suits: "yes" | "no" | "unsure";
  readonly text: string;
}

/** Whether a text suits its reader, as far as the interval of its score can tell. */
export function judgeTarget({ score, interval, grade }: Pick<ScoreAnswer, "score" | "interval" | "grade">, target: Target): Verdict {
  if ("grade" in target) {
    if (!grade) return { suits: "unsure", text: "This text has no grade to compare with." };
    const [low, high] = [Math.round(grade.low), Math.round(grade.high)];
    if (target.grade < low) return { suits: "no", text: `Probably too hard for grade ${target.grade}.` };
    if (target.grade > high) return { suits: "no", text: `Probably easier than grade ${target.grade} needs.` };
    return { suits: "yes", text: `Within reach of grade ${target.grade}.` };
  }
  if (!interval) return { suits: "unsure", text: "This model has no interval to compare with." };
  if (target.score > interval.high) return { suits: "no", text: "Probably harder than that." };
  if (target.score < interval.low) return { suits: "no", text: "Probably easier than that." };
  const close = Math.abs(target.score - score) <= (interval.high - interval.low) / 4;
  return close
    ? { suits: "yes", text: "About right." }
    : { suits: "unsure", text: score < target.score ? "Perhaps a little harder than that." : "Perhaps a little easier than that." };
}
