import type { CompareAnswer, ModelAnswer, ScoreAnswer, Target } from "./answers.js";
import { compareTexts, Problem, readModel, scoreOnly, scoreSentences, scoreText, setKey } from "./api.js";
import type { Editor } from "./editor.js";
import { createTextCache, type Effect, listPassages, mergeEffects, type PassageResult, rankHardest } from "./effects.js";
import { removeSpans, type Span, type TextEdit } from "./passages.js";

/** Everything that the page shows. What was computed from a text names it, so that the page can tell what is out of date. */
export interface State {
  readonly text: string;
  readonly model: ModelAnswer | undefined;
  readonly score: { readonly text: string; readonly answer: ScoreAnswer } | undefined;
  readonly target: Target | undefined;
  readonly effects: readonly Effect[];
  /** Passages of the text, and those of them whose sentences are scored. One passage: the effects are on the whole text. */
  readonly passages: { readonly all: number; readonly done: number };
  /** Why some sentences could not be scored. */
  readonly effectsProblem: string | undefined;
  /** The text without the listed sentences. */
  readonly together: { readonly text: string; readonly spans: readonly Span[]; readonly gain: number } | undefined;
  readonly earlier: { readonly text: string; readonly answer: ScoreAnswer } | undefined;
  readonly comparison: { readonly before: string; readonly after: string; readonly difference: Difference } | undefined;
  readonly busy: { readonly task: "score" | "sentences" | "passages"; readonly since: number } | undefined;
  readonly problem: Problem | undefined;
}

type Difference = CompareAnswer["difference"];

export type Session = ReturnType<typeof createSession>;

/** Milliseconds without an edit before the score and the sentences are asked for. */
const pauses = { score: 250, sentences: 600 } as const;
const passagesAtOnce = 2;
/** Sentences of the list whose joint effect is shown. */
export const mostListed = 8;

const initial: State = {
  text: "",
  model: undefined,
  score: undefined,
  target: undefined,
  effects: [],
  passages: { all: 0, done: 0 },
  effectsProblem: undefined,
  together: undefined,
  earlier: undefined,
  comparison: undefined,
  busy: undefined,
  problem: undefined,
};

/** Scores the editor's text as it changes. An edit cancels what was asked for the text before. */
export function createSession(onChange: (state: State) => void) {
  let state = initial;
  let editor: Editor | undefined;
  let work = new AbortController();
  const scores = createTextCache<ScoreAnswer>(50);
  const known = createTextCache<PassageResult>(2000);
  const comparisons = createTextCache<Difference>(50);

  const update = (change: Partial<State>) => {
    state = { ...state, ...change };
    onChange(state);
  };

  /** Starts work that the next edit, or other work, cancels. */
  function start(job: (signal: AbortSignal) => Promise<void>): void {
    work.abort();
    work = new AbortController();
    const { signal } = work;
    job(signal)
      .catch((error: unknown) => {
        if (signal.aborted) return;
        const problem = error instanceof Problem ? error : new Problem({ status: 0, code: "unknown", detail: String(error) });
        update({ problem });
        if (problem.retryAfter)
          void sleep(1000 * problem.retryAfter, signal).then(
            () => start(scoreAll),
            () => {},
          );
      })
      .finally(() => {
        if (!signal.aborted) update({ busy: undefined });
      });
  }

  /** Says what is under way, so that the page can show it. */
  async function during<R>(task: NonNullable<State["busy"]>["task"], job: Promise<R>): Promise<R> {
    update({ busy: { task, since: Date.now() } });
    return job;
  }

  async function scoreAll(signal: AbortSignal): Promise<void> {
    const { text, target } = state;
    if (text.trim() === "") return;
    const key = JSON.stringify(target ?? "") + text;
    const isLong = (state.score?.answer.windows ?? 1) > 1 && text.length > 1000;
    if (isLong) await scorePassages(inView(), signal); // quick, while the whole text may take seconds
    const answer = scores.get(key) ?? (await during("score", scoreText(text, target, signal)));
    if (state.score && state.score.answer.version !== answer.version) await forget(); // another version scores differently
    scores.set(key, answer);
    update({ score: { text, answer }, problem: undefined });
    showEffects();
    await compare(signal);
    if (!known.has(text)) await sleep(pauses.sentences, signal);
    await scorePassages(inView(), signal);
    await scoreTogether(signal);
  }

  async function forget(): Promise<void> {
    for (const cache of [scores, known, comparisons]) cache.clear();
    await open();
  }

  /** Asks which model scores. The page works without the answer. */
  async function open(): Promise<void> {
    update({ model: await readModel(new AbortController().signal).catch(() => undefined) });
  }

  /** The whole text if the model reads it at once, else its blocks. */
  function passages(): Span[] {
    const { text, score } = state;
    if ((score?.answer.windows ?? 1) === 1) return text.trim() === "" ? [] : [{ start: 0, end: text.length }];
    return listPassages(editor?.blocks ?? [], text);
  }

  function inView(): Span[] {
    const seen = editor?.visible();
    const all = passages();
    if (all.length <= 1 || !seen) return all.slice(0, 3);
    return all.filter(({ start, end }) => end > seen.start && start < seen.end);
  }

  /** Scores the sentences of passages that are not known yet. */
  async function scorePassages(wanted: readonly Span[], signal: AbortSignal): Promise<void> {
    const texts = wanted.map(({ start, end }) => state.text.slice(start, end)).filter((text) => !known.has(text));
    for (let i = 0; i < texts.length; i += passagesAtOnce) {
      const some = texts.slice(i, i + passagesAtOnce);
      const { results } = await during(wanted.length === 1 ? "sentences" : "passages", scoreSentences(some, signal));
      for (const [j, result] of results.entries()) known.set(some[j]!, "error" in result ? { problem: result.error.detail } : result);
      showEffects();
    }
    update({ busy: undefined });
  }

  function showEffects(edit?: TextEdit): void {
    const { text } = state;
    const all = passages();
    const results = all.map(({ start, end }) => known.get(text.slice(start, end)));
    const problem = results.find((result) => result && "problem" in result);
    update({
      effects: mergeEffects(text, all, known, state.effects, edit),
      passages: { all: all.length, done: results.filter(Boolean).length },
      effectsProblem: problem && "problem" in problem ? problem.problem : undefined,
    });
  }

  /** What the listed sentences do together, which is not the sum of what each does. */
  async function scoreTogether(signal: AbortSignal): Promise<void> {
    const { text, score, effects } = state;
    const spans = rankHardest(effects)
      .slice(0, mostListed)
      .toSorted((a, b) => a.start - b.start);
    const rest = removeSpans(text, spans);
    if (passages().length !== 1 || spans.length < 2 || rest.trim() === "" || !score) return;
    const answer = scores.get(rest) ?? (await scoreOnly(rest, signal));
    scores.set(rest, answer);
    update({ together: { text, spans, gain: answer.score - score.answer.score } });
  }

  async function compare(signal: AbortSignal): Promise<void> {
    const { earlier, score } = state;
    if (!earlier || !score) return;
    const [before, after] = [earlier.text, score.text];
    const key = `${before.length}:${before}${after}`;
    const difference = comparisons.get(key) ?? (await during("score", compareTexts(before, after, signal))).difference;
    comparisons.set(key, difference);
    update({ comparison: { before, after, difference } });
  }

  return {
    /** Takes over an editor's text. */
    attach(attached: Editor): void {
      editor = attached;
    },
    edited(edit: TextEdit): void {
      const text = editor!.text;
      const blank = text.trim() === "";
      update({ text, ...(blank ? { ...initial, earlier: state.earlier, target: state.target, model: state.model } : {}) });
      showEffects(edit);
      start(async (signal) => {
        if (!known.has(text)) await sleep(pauses.score, signal);
        await scoreAll(signal);
      });
    },
    /** Scores what came into view. */
    scrolled(): void {
      if (state.busy || state.passages.all <= 1 || state.score?.text !== state.text) return;
      const wanted = inView();
      if (wanted.some(({ start, end }) => !known.has(state.text.slice(start, end)))) start((signal) => scorePassages(wanted, signal));
    },
    /** Scores the sentences of the whole text, however long. */
    scoreEveryPassage: () => start((signal) => scorePassages(passages(), signal)),
    stop(): void {
      work.abort();
      update({ busy: undefined });
    },
    aimFor(target: Target | undefined): void {
      update({ target });
      start(scoreAll);
    },
    retry: () => {
      update({ problem: undefined });
      start(scoreAll);
    },
    async useKey(key: string): Promise<void> {
      setKey(key);
      update({ problem: undefined });
      start(scoreAll);
      await open();
    },
    keepEarlier(): void {
      if (state.score?.text !== state.text) return;
      update({ earlier: state.score, comparison: undefined });
    },
    forgetEarlier: () => update({ earlier: undefined, comparison: undefined }),
    open,
  };
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
