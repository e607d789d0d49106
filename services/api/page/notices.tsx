import type { Session, State } from "./session.js";

interface Props {
  readonly state: State;
  readonly session: Session;
}

/** Errors of the api, and its warnings about the text, in its words. */
export function Notices({ state: { problem, score }, session }: Props) {
  const warnings = score?.answer.warnings ?? [];
  return (
    <>
      {problem && (
        <section class="notice" role="alert" aria-label="Problem">
          <p>{problem.message}</p>
          <p class="next">
            {problem.retryAfter !== undefined && <>The page tries again in {problem.retryAfter} s. </>}
            <button type="button" onClick={session.retry}>
              Try again now
            </button>
          </p>
        </section>
      )}
      {warnings.length > 0 && (
        <section class="card warnings" aria-labelledby="warnings-title">
          <h2 id="warnings-title">Before you rely on this score</h2>
          <ul>
            {warnings.map(({ code, message }) => (
              <li key={code}>{message}</li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
