import { useEffect, useState } from "preact/hooks";
import { Distribution } from "./distribution.js";
import { formatGrades, formatScore, formatWhole } from "./format.js";
import type { State } from "./session.js";

/** The score, what it means, and how sure it is. */
export function Score({ state }: { readonly state: State }) {
  const { model, score, earlier, text } = state;
  const answer = score?.answer;
  const stale = score !== undefined && score.text !== text;
  const passages = `the ${model?.passages ? `${formatWhole(model.passages)} ` : ""}passages that the model learned from`;
  const percent = answer?.percentile ?? null;
  const sentence = answer && describe(state);
  const scale = model?.scale;
  return (
    <section class={stale ? "card score stale" : "card score"} aria-labelledby="score-title">
      <h2 id="score-title">Score</h2>
      {answer ? (
        <div class="headline">
          <p class="number" aria-hidden="true">
            {formatScore(answer.score)}
          </p>
          <div class="meaning" aria-hidden="true">
            {answer.grade ? <p class="grade">{formatGrades(answer.grade)}</p> : <p class="grade none">No school grade</p>}
            {answer.interval && (
              <p class="range">
                {formatScore(answer.interval.low)} to {formatScore(answer.interval.high)} with {Math.round(100 * answer.interval.coverage)}{" "}
                % probability
              </p>
            )}
          </div>
        </div>
      ) : (
        <p class="empty">The scale shows {passages}, from the hardest to the easiest. Your text’s place on it will appear here.</p>
      )}
      <Announcement text={stale ? undefined : sentence} />
      {scale && (
        <>
          <Distribution
            scale={scale}
            score={answer?.score}
            interval={answer?.interval}
            earlier={earlier?.answer.score}
            target={answer?.target?.score ?? undefined}
            label={
              sentence
                ? `${sentence} The scale runs from hard, on the left, to easy.`
                : "How the known passages spread, from hard on the left to easy."
            }
          />
          <p class="ends" aria-hidden="true">
            <span>← harder</span>
            <span>easier →</span>
          </p>
        </>
      )}
      {percent !== null && (
        <p class="percentile" aria-hidden="true">
          Easier than <b>{Math.round(percent)} %</b> of {passages}.
        </p>
      )}
      {text.trim() !== "" && <Progress state={state} stale={stale} />}
    </section>
  );
}

function describe({ score, model }: State): string {
  const { answer } = score!;
  const { grade, interval, percentile } = answer;
  return [
    `Score ${formatScore(answer.score)}`,
    interval
      ? `, between ${formatScore(interval.low)} and ${formatScore(interval.high)} with ${Math.round(100 * interval.coverage)} % probability. `
      : ". ",
    grade ? `${formatGrades(grade)}. ` : "No school grade. ",
    percentile === null
      ? ""
      : `Easier than ${Math.round(percentile)} % of ${model?.passages ? formatWhole(model.passages) : "the"} known passages.`,
  ].join("");
}

/** Tells screen readers the score once it has settled, not at each key. */
function Announcement({ text }: { readonly text: string | undefined }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (text === undefined) return;
    const timer = setTimeout(() => setSaid(text), 700);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <p class="unseen" role="status" aria-live="polite">
      {said}
    </p>
  );
}

const tasks = { score: "Reading the text", sentences: "Scoring each sentence", passages: "Scoring the sentences on screen" } as const;

const conditions = { failed: "Not scored.", stale: "The text changed; its score follows.", fresh: "Up to date." } as const;

/** Says what is being computed if it takes longer than a moment. */
function Progress({ state: { busy, passages, problem }, stale }: { readonly state: State; readonly stale: boolean }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!busy) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [busy?.task]);
  const seconds = busy ? Math.floor((now - busy.since) / 1000) : 0;
  const count = busy?.task === "passages" ? ` (${passages.done} of ${passages.all} passages done)` : "";
  const condition = problem ? "failed" : stale ? "stale" : "fresh";
  const words = busy ? `${tasks[busy.task]}${count}${seconds >= 2 ? `, ${seconds} s` : ""} …` : conditions[condition];
  return (
    <p class={busy ? "progress busy" : "progress"} data-state={busy ? "busy" : condition}>
      <span class="bar" aria-hidden="true" />
      {words}
    </p>
  );
}
