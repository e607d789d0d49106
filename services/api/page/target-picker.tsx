import type { State } from "./session.js";
import { judgeTarget, type Target } from "./target.js";

interface Props {
  readonly state: State;
  readonly target: Target | undefined;
  readonly onChange: (target: Target | undefined) => void;
}

/** The reader that the text is for, and whether it suits. */
export function TargetPicker({ state: { score, model, text }, target, onChange }: Props) {
  const chosen = target === undefined ? "" : "grade" in target ? String(target.grade) : "score";
  const stale = score?.text !== text;
  const verdict = target && score && judgeTarget(score.answer, target);
  return (
    <section class={stale ? "card target stale" : "card target"} aria-labelledby="target-title">
      <h2 id="target-title">Target</h2>
      <p class="fields">
        <label for="target">Meant for</label>
        <select
          id="target"
          value={chosen}
          onChange={({ currentTarget: { value } }) =>
            onChange(
              value === ""
                ? undefined
                : value === "score"
                  ? { score: Math.round(10 * (score?.answer.score ?? 0)) / 10 }
                  : { grade: Number(value) },
            )
          }
        >
          <option value="">any reader</option>
          {model?.scale.grades &&
            Array.from({ length: 12 }, (_, i) => (
              <option key={i} value={String(i + 1)}>
                grade {i + 1}
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
            onInput={({ currentTarget: { valueAsNumber } }) => Number.isFinite(valueAsNumber) && onChange({ score: valueAsNumber })}
          />
        )}
      </p>
      <p class={verdict ? `verdict ${verdict.suits}` : "verdict"} aria-live="polite">
        {verdict?.text}
      </p>
    </section>
  );
}
