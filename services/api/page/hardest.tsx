import { noiseFloor } from "../../../lib/serving/noise-floor.js";
import { type Effect, levelNames, levelOf } from "./effects.js";
import { formatDifference, shorten } from "./format.js";
import { mostListed, type Session, type State } from "./session.js";

interface Props {
  readonly state: State;
  readonly hardest: readonly Effect[];
  readonly session: Session;
  /** @param focus whether to move into the text */
  readonly onSelect: (effect: Effect, focus: boolean) => void;
  readonly onLeave: () => void;
}

/** The sentences that make the text hardest, in order: what the tints show, in words. */
export function Hardest({ state, hardest, session, onSelect, onLeave }: Props) {
  const { text, score, passages, effectsProblem, busy } = state;
  if (!score) return null;
  const many = passages.all > 1;
  const listed = hardest.slice(0, many ? 3 * mostListed : mostListed);
  const stale = score.text !== text || listed.some((effect) => effect.stale);
  const waiting = passages.done === 0 && effectsProblem === undefined;
  return (
    <section class={stale ? "card hardest stale" : "card hardest"} aria-labelledby="hardest-title">
      <h2 id="hardest-title">Hardest sentences</h2>
      {many && <Coverage state={state} session={session} />}
      {effectsProblem !== undefined && <p class="note">{effectsProblem}</p>}
      {listed.length > 0 ? (
        <>
          <p class="note">What the score{many ? " of its passage" : ""} would gain without each sentence. Enter moves to it in the text.</p>
          <ol>
            {listed.map((effect) => (
              <li key={text.slice(effect.start, effect.end)} class={effect.stale ? "from-before" : ""}>
                <button type="button" onFocus={() => onSelect(effect, false)} onBlur={onLeave} onClick={() => onSelect(effect, true)}>
                  <span class="excerpt">{shorten(text.slice(effect.start, effect.end))}</span>
                  <span class="effect">
                    without this sentence: <b>{formatDifference(effect.effect)}</b>
                    <span class="level">{levelNames[levelOf(effect.effect)]}</span>
                    {effect.stale && <span class="level">before your last edit</span>}
                  </span>
                </button>
              </li>
            ))}
          </ol>
          <Together state={state} listed={listed} />
        </>
      ) : (
        !waiting &&
        !busy &&
        passages.done > 0 &&
        effectsProblem === undefined && (
          <p class="note">No sentence stands out: without any one of them, the score rises by less than {noiseFloor}.</p>
        )
      )}
      {waiting && listed.length === 0 && <p class="note follows">The sentences follow when you pause.</p>}
      {stale && listed.length > 0 && <p class="note follows">These are from before your last edit. Sentences that changed are left out.</p>}
    </section>
  );
}

/** How much of a long text is scored, as the model reads about 200 words at once. */
function Coverage({ state: { passages, busy }, session }: { readonly state: State; readonly session: Session }) {
  const { all, done } = passages;
  return (
    <div class="note coverage">
      <p>
        The text is long, so the page scores the sentences of what is on screen, passage by passage: {done} of {all} passages so far.
      </p>
      {done < all &&
        (busy?.task === "passages" ? (
          <button type="button" class="follows" onClick={session.stop}>
            Stop
          </button>
        ) : (
          <button type="button" class="follows" onClick={session.scoreEveryPassage}>
            Score them all
          </button>
        ))}
    </div>
  );
}

/** Effects do not add up, because sentences matter to each other. */
function Together({ state: { together, text }, listed }: { readonly state: State; readonly listed: readonly Effect[] }) {
  if (together?.text !== text || together.spans.length !== listed.length) return null;
  const sum = listed.reduce((total, { effect }) => total + effect, 0);
  return (
    <p class="note follows">
      Without all {listed.length}, the score would change by <b>{formatDifference(together.gain)}</b>. The effects above add up to{" "}
      {formatDifference(sum)}; the remainder of {formatDifference(together.gain - sum)} is there because sentences matter to each other.
    </p>
  );
}
