import { formatDifference, formatScore } from "./format.js";
import type { Session, State } from "./session.js";

interface Props {
  readonly state: State;
  readonly session: Session;
  readonly onRestore: (text: string) => void;
}

/** An earlier version of the text, and how the text differs from it. */
export function Earlier({ state: { earlier, comparison, score, text }, session, onRestore }: Props) {
  if (!score) return null;
  const fresh = score.text === text;
  const shown = comparison && earlier && comparison.before === earlier.text ? comparison : undefined;
  return (
    <section class={earlier && shown?.after !== text ? "card earlier stale" : "card earlier"} aria-labelledby="earlier-title">
      <h2 id="earlier-title">Earlier version</h2>
      {earlier === undefined ? (
        <>
          <p class="note">Keep this text, go on editing, and see whether it got easier.</p>
          <button type="button" class="follows" disabled={!fresh} onClick={session.keepEarlier}>
            Keep as earlier version
          </button>
        </>
      ) : (
        <>
          <p class="figures">
            <span>{formatScore(earlier.answer.score)}</span>
            <span aria-hidden="true">→</span>
            <span class="unseen">became</span>
            <span>{formatScore(score.answer.score)}</span>
            {shown && earlier.text !== text && <b class="difference">{formatDifference(shown.difference.score)}</b>}
          </p>
          <p class="note" aria-live="polite">
            {earlier.text === text ? "The text is the same. Edit it to see the difference." : shown && <Difference {...shown.difference} />}
          </p>
          <p class="actions">
            <button type="button" disabled={!fresh} onClick={session.keepEarlier}>
              Keep this one instead
            </button>
            <button type="button" disabled={earlier.text === text} onClick={() => onRestore(earlier.text)}>
              Restore
            </button>
            <button type="button" onClick={session.forgetEarlier}>
              Forget
            </button>
          </p>
        </>
      )}
    </section>
  );
}

function Difference({ score, interval }: NonNullable<State["comparison"]>["difference"]) {
  const way = score > 0 ? "easier" : "harder";
  if (!interval) return <>It got {way}. This model cannot say how sure that is.</>;
  // No percentage: how far the errors of two versions agree is assumed, not measured (docs/api.md).
  const range = `probably ${formatDifference(interval.low)} to ${formatDifference(interval.high)}`;
  return <>{interval.low <= 0 && interval.high >= 0 ? `The difference may be chance: ${range}.` : `It got ${way}: ${range}.`}</>;
}
