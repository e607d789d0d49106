import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Earlier } from "./earlier.js";
import { createEditor, type Editor } from "./editor.js";
import { type Effect, rankHardest } from "./effects.js";
import { example } from "./example.js";
import { cleanText, readFile } from "./files.js";
import { countWords, formatCount, formatGrades, formatScore } from "./format.js";
import { FormulaTable } from "./formulas.js";
import { Hardest } from "./hardest.js";
import { Problem, Warnings } from "./notices.js";
import { Score } from "./score.js";
import { createSession, type State } from "./session.js";
import { TargetPicker } from "./target-picker.js";
import { createTints, type Tints } from "./tints.js";

/** The page: the text on one side, what is known of it on the other. */
export function App() {
  const [state, setState] = useState<State>();
  const [current, setCurrent] = useState<Effect>();
  const [fileProblem, setFileProblem] = useState<string>();
  const [isDragging, setDragging] = useState(false);
  const sheet = useRef<HTMLDivElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const editor = useRef<Editor>(null);
  const tints = useRef<Tints>(null);
  const session = useMemo(() => createSession(setState), []);

  useEffect(() => {
    editor.current = createEditor(sheet.current!, (edit) => {
      setFileProblem(undefined);
      setCurrent(undefined);
      session.edited(edit);
    });
    tints.current = createTints(editor.current);
    session.attach(editor.current);
    void session.open();
    return whenScrolled(session.scrolled);
  }, [session]);

  const effects = state?.effects ?? [];
  useEffect(() => tints.current?.show(effects, current), [effects, current]);

  const setText = (text: string) => {
    const own = editor.current!;
    own.replace(0, own.text.length, cleanText(text));
    own.select({ start: 0, end: 0 }, true); // the button that was pressed may be gone
    scrollTo({ top: 0 });
  };
  const open = async (file: File | undefined) => {
    if (!file) return;
    const read = await readFile(file);
    if ("problem" in read) return setFileProblem(read.problem);
    setText(read.text);
    setFileProblem(undefined);
  };
  useEffect(() => acceptFiles(setDragging, open), []);

  const text = state?.text ?? "";
  const blank = text.trim() === "";
  const words = useMemo(() => countWords(text), [text]);
  const select = (effect: Effect, focus: boolean) => {
    setCurrent(effect);
    editor.current?.select(effect, focus);
  };

  return (
    <>
      <a class="skip" href="#score">
        Skip to the score
      </a>
      <header class="top">
        <h1 class="brand">
          <span class="brand-mark" aria-hidden="true" />
          Readability
        </h1>
        <p class="privacy">Your text goes to this server only, and is not stored.</p>
        <nav aria-label="Documentation">
          <a href="/docs">API</a>
        </nav>
      </header>
      <Summary state={state} />
      <div class={isDragging ? "columns dragging" : "columns"}>
        <main class="desk" aria-label="Text">
          <div class="tools">
            <input
              ref={picker}
              class="picker"
              type="file"
              accept=".txt,.text,.md,.markdown,text/plain,text/markdown"
              tabIndex={-1}
              aria-hidden="true"
              onChange={({ currentTarget }) => {
                void open(currentTarget.files?.[0]);
                currentTarget.value = "";
              }}
            />
            <button type="button" onClick={() => picker.current!.click()}>
              Open a file
            </button>
            {blank ? (
              <button type="button" onClick={() => setText(example)}>
                Try an example
              </button>
            ) : (
              <>
                <button type="button" onClick={() => setText("")}>
                  Clear
                </button>
                <button type="button" onClick={() => print()}>
                  Print
                </button>
              </>
            )}
            <span class="count">{blank ? "" : formatCount(words, "word")}</span>
          </div>
          {fileProblem && (
            <p class="notice" role="alert">
              {fileProblem}
            </p>
          )}
          <div class="sheet">
            <div class="layers">
              {/* biome-ignore lint/a11y/useSemanticElements: a textarea cannot be tinted */}
              <div
                ref={sheet}
                class="editor"
                contentEditable={"plaintext-only" as unknown as boolean}
                role="textbox"
                tabIndex={0}
                aria-multiline="true"
                aria-label="Text to score"
                aria-describedby="editor-hint"
                spellcheck={true}
              />
              {blank && (
                <p class="placeholder" aria-hidden="true">
                  Paste, type or drop a text here.
                </p>
              )}
            </div>
          </div>
          <p id="editor-hint" class="hint">
            {blank
              ? "English prose of 30 words or more. Files: .txt or .md in UTF-8."
              : "Sentences that make the text harder are underlined and tinted; the list of the hardest says by how much."}
          </p>
          {!blank && <Legend />}
        </main>
        <aside class="panel" aria-label="Results" id="score" tabIndex={-1}>
          {state && (
            <>
              {state.problem && <Problem problem={state.problem} session={session} />}
              <Score state={state} />
              <Warnings state={state} />
              <TargetPicker state={state} session={session} />
              <Hardest
                state={state}
                hardest={rankHardest(effects)}
                session={session}
                onSelect={select}
                onLeave={() => setCurrent(undefined)}
              />
              <Earlier state={state} session={session} onRestore={setText} />
              <FormulaTable state={state} />
            </>
          )}
          <footer class="about">{state?.model && <About model={state.model} />}</footer>
        </aside>
      </div>
    </>
  );
}

/** The score at the edge of a small screen, where the results are far below the text. */
function Summary({ state }: { readonly state: State | undefined }) {
  if (!state?.score) return null;
  const { score, grade } = state.score.answer;
  return (
    <nav class={state.score.text === state.text ? "summary" : "summary stale"} aria-label="Summary">
      <a href="#score">
        <b>{formatScore(score)}</b>
        <span>{grade ? formatGrades(grade) : "No school grade"}</span>
        <span class="more">Details</span>
      </a>
    </nav>
  );
}

const Legend = () => (
  <ul class="legend" aria-label="Tints">
    <li>
      <span class="swatch hard-1">a little harder</span> from +0.05
    </li>
    <li>
      <span class="swatch hard-2">harder</span> from +0.10
    </li>
    <li>
      <span class="swatch hard-3">much harder</span> from +0.20
    </li>
  </ul>
);

function About({ model: { model, version, passages, validation_rmse } }: { readonly model: NonNullable<State["model"]> }) {
  const trained = passages === null ? "" : `, trained on ${formatCount(passages, "passage")}`;
  const error = validation_rmse === null ? "" : `; typical error on held-out passages ${validation_rmse.toFixed(2)}`;
  return <p>{`Model ${model}, version ${version}${trained}${error}.`}</p>;
}

/** Calls back when scrolling comes to rest. @returns a function that stops it */
function whenScrolled(callback: () => void): () => void {
  let timer = 0;
  const onScroll = () => {
    clearTimeout(timer);
    timer = window.setTimeout(callback, 250);
  };
  addEventListener("scroll", onScroll, { passive: true });
  return () => removeEventListener("scroll", onScroll);
}

/** Takes files that are dropped anywhere on the page. @returns a function that stops it */
function acceptFiles(setDragging: (is: boolean) => void, open: (file: File | undefined) => unknown): () => void {
  const carriesFiles = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes("Files") ?? false;
  const listeners = {
    dragover(event: DragEvent) {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      setDragging(true);
    },
    dragleave(event: DragEvent) {
      if (!event.relatedTarget) setDragging(false);
    },
    drop(event: DragEvent) {
      setDragging(false);
      if (!carriesFiles(event)) return;
      event.preventDefault();
      void open(event.dataTransfer?.files[0]);
    },
  };
  for (const [name, listener] of Object.entries(listeners)) addEventListener(name, listener as EventListener);
  return () => {
    for (const [name, listener] of Object.entries(listeners)) removeEventListener(name, listener as EventListener);
  };
}
