import { noiseFloor } from "../../../lib/serving/noise-floor.js";
import type { ScoreAnswer } from "./answers.js";
import { type Span, shiftSpans, splitPassages, type TextEdit } from "./passages.js";

/** A sentence and what the score of its text, or passage, would gain without it. */
export interface Effect extends Span {
  readonly effect: number;
  /** Whether the text around it changed since. */
  readonly stale: boolean;
}

/** What is known of a passage: the effects of its sentences, or why there are none. */
export type PassageResult = Pick<ScoreAnswer, "score" | "sentences"> | { readonly problem: string };

/** How much harder a sentence makes its text. 0 says nothing. */
export type Level = 0 | 1 | 2 | 3;

const floors = [noiseFloor, 0.1, 0.2];
/** By the hundredths that the page shows. */
export const levelOf = (effect: number): Level => floors.filter((floor) => Math.round(100 * effect) / 100 >= floor).length as Level;
export const levelNames = ["no harder", "a little harder", "harder", "much harder"] as const;

/** Values by text, of which the least recently used go first. */
export function createTextCache<V>(most: number) {
  const values = new Map<string, V>();
  return {
    has: (text: string) => values.has(text),
    get(text: string): V | undefined {
      const value = values.get(text);
      if (value !== undefined) {
        values.delete(text);
        values.set(text, value);
      }
      return value;
    },
    set(text: string, value: V): void {
      values.set(text, value);
      if (values.size > most) values.delete(values.keys().next().value!);
    },
    clear: () => values.clear(),
  };
}
export type TextCache<V> = ReturnType<typeof createTextCache<V>>;

/** The passages of a text: its blocks, long ones cut. */
export function listPassages(blocks: readonly (Span & { readonly element: HTMLElement })[], text: string): Span[] {
  return blocks.flatMap(({ start, end }) =>
    splitPassages(text.slice(start, end)).map((part) => ({ start: start + part.start, end: start + part.end })),
  );
}

/**
 * The effects to show: those of passages that are exactly known, and the ones from before the last edit for the others.
 * @param shown what was shown before the edit
 */
export function mergeEffects(
  text: string,
  passages: readonly Span[],
  known: Pick<TextCache<PassageResult>, "get">,
  shown: readonly Effect[],
  edit?: TextEdit,
): Effect[] {
  const old = edit ? shiftSpans(shown, edit) : shown;
  let next = 0;
  return passages.flatMap(({ start, end }): Effect[] => {
    while (next < old.length && old[next]!.start < start) next++;
    const from = next;
    while (next < old.length && old[next]!.start < end) next++;
    const result = known.get(text.slice(start, end));
    if (!result) return old.slice(from, next).map((effect) => ({ ...effect, stale: true }));
    if ("problem" in result) return [];
    return (result.sentences ?? []).flatMap((one) =>
      one.effect === null ? [] : [{ start: start + one.start, end: start + one.end, effect: one.effect, stale: false }],
    );
  });
}

/** The sentences that make the text hardest, beyond noise, hardest first. */
export const rankHardest = (effects: readonly Effect[]): Effect[] =>
  effects.filter(({ effect }) => levelOf(effect) > 0).toSorted((a, b) => b.effect - a.effect || a.start - b.start);
