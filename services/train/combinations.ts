import { resolve } from "node:path";
import { fail } from "../../lib/errors/errors.js";
import type { Settings } from "./options.js";

interface Combination {
  /** For the message. */
  readonly options: string;
  readonly given: (settings: Settings) => boolean;
  readonly why: string;
  readonly remedy: string;
}

/** Options that exclude or need each other. */
const refused: readonly Combination[] = [
  {
    options: "--select average without --ema",
    given: ({ select, ema }) => select === "average" && ema === 0,
    why: "no moving average is kept",
    remedy: "Add --ema with its decay, such as --ema .99.",
  },
  {
    options: "--select best with --folds",
    given: ({ select, folds }) => select === "best" && folds > 0,
    why: "each fold would choose its epoch on the passages it is measured on",
    remedy: "Use --select last or average.",
  },
  {
    options: "--average of one checkpoint",
    given: ({ average }) => average.length === 1,
    why: "there is nothing to average it with",
    remedy: "Give at least two folders.",
  },
  {
    options: "--average with --folds, --teacher or --resume",
    given: ({ average, folds, teacher, resume }) => average.length > 0 && (folds > 0 || teacher.length > 0 || resume),
    why: "--average trains nothing",
    remedy: "Leave out the other option.",
  },
  {
    options: "--out among the folders of --average",
    given: ({ average, out }) => average.some((folder) => resolve(folder) === resolve(out)),
    why: "the average would overwrite a checkpoint that it is made of",
    remedy: "Choose another folder with --out.",
  },
  {
    options: "--teacher with --loss rmse",
    given: ({ teacher, loss }) => teacher.length > 0 && loss === "rmse",
    why: "labels and teacher scores can be mixed only for squared errors",
    remedy: "Use --loss mse.",
  },
  {
    options: "--windows without --teacher",
    given: ({ teacher, windows }) => windows > 0 && teacher.length === 0,
    why: "windows have no labels, only a teacher's scores",
    remedy: "Add --teacher with a checkpoint or model repository.",
  },
  {
    options: "--unlabelled without --teacher",
    given: ({ teacher, unlabelled }) => unlabelled !== undefined && teacher.length === 0,
    why: "the passages have no labels, only a teacher's scores",
    remedy: "Add --teacher with a checkpoint or model repository.",
  },
  {
    options: "--max-spread with fewer than two teachers",
    given: ({ teacher, maxSpread }) => maxSpread !== undefined && teacher.length < 2,
    why: "one teacher cannot disagree",
    remedy: "Add another --teacher, or leave out --max-spread.",
  },
  {
    options: "--teacher in --out",
    given: ({ teacher, out }) => teacher.some((path) => resolve(path) === resolve(out)),
    why: "the run would overwrite its teacher",
    remedy: "Choose another folder with --out.",
  },
];

/** @throws bad-combination */
export function checkCombinations(settings: Settings): void {
  for (const { options, given, why, remedy } of refused) if (given(settings)) fail("bad-combination", { options, why, remedy });
}
