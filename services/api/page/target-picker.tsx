import type { Suitability, Target } from "./answers.js";
import { formatDifference } from "./format.js";
import type { Session, State } from "./session.js";

interface Props {
  readonly state: State;
  readonly session: Session;
}

const grades = Array.from({ length: 12 }, (_, i) => i + 1);

/** The reader that the text is for, and whether it is easy enough. */
export function TargetPicker({ state: { score, model, text, target }, session }: Props) {
  const chosen = target === undefined ? "" : "grade" in target ? String(target.grade) : "score";
  const verdict = target && score?.answer.target;
  const choose = (value: string) => {
    if (value === "") session.aimFor(undefined);
    else if (value === "score") session.aimFor({ score: Math.round(10 * (score?.answer.score ?? 0)) / 10 });
    else session.aimFor({ grade: Number(value) });
  };
  return (
    <section class={score?.text === text ? "card target" : "card target stale"} aria-labelledby="target-title">
      <h2 id="target-title">Target</h2>
      <p class="fields">
        <label for="target">Meant for</label>
        <select id="target" value={chosen} onChange={({ currentTarget }) => choose(currentTarget.value)}>
          <option value="">any reader</option>
          {model?.scale.grades &&
            grades.map((grade) => (
              <option key={grade} value={String(grade)}>
                grade {grade}
              </option>
            ))}
          <option value="score">a score …</option>
        </select>
        {target && "score" in target && (
          <input
            type="number"
            step="0.1"
            aria-label="Target score"
            value={target.score}
            onInput={({ currentTarget: { valueAsNumber } }) => Number.isFinite(valueAsNumber) && session.aimFor({ score: valueAsNumber })}
          />
        )}
      </p>
      <p class={verdict ? `verdict ${verdict.suits ?? "unsure"}` : "verdict"} aria-live="polite">
        {verdict && describe(verdict, target)}
      </p>
    </section>
  );
}

function describe({ suits, difference, confidence }: Suitability, target: Target): string {
  const aim = "grade" in target ? `grade ${target.grade}` : "that score";
  if (suits === null || difference === null) return `Whether it suits ${aim} cannot be told for this text.`;
  const sure = confidence === null ? "" : `, with ${Math.round(100 * confidence)} % probability`;
  if (suits === "yes") return `Easy enough for ${aim}${sure}.`;
  if (suits === "no") return `Too hard for ${aim}${sure}.`;
  if (Math.abs(difference) < 0.05) return `As hard as ${aim}, as far as can be told.`;
  const way = difference >= 0 ? "easier" : "harder";
  return `Close to ${aim}: ${formatDifference(Math.abs(difference)).slice(1)} ${way}, which is within the uncertainty.`;
}
