import type { Session, State } from "./session.js";

/** Why there is no score, in the api's words. */
export function Problem({ problem, session }: { readonly problem: NonNullable<State["problem"]>; readonly session: Session }) {
  return (
    <section class="notice" role="alert" aria-label="Problem">
      <p>{problem.message}</p>
      {problem.status === 401 && <KeyForm session={session} />}
      <p class="next">
        {problem.retryAfter !== undefined && <>The page tries again in {problem.retryAfter} s. </>}
        <button type="button" onClick={session.retry}>
          Try again now
        </button>
      </p>
    </section>
  );
}

/** Asks for the API key of a server that has some. */
const KeyForm = ({ session }: { readonly session: Session }) => (
  <form
    class="next"
    onSubmit={(event) => {
      event.preventDefault();
      void session.useKey(String(new FormData(event.currentTarget).get("key")));
    }}
  >
    <label for="key">API key</label>
    <input id="key" name="key" type="password" autocomplete="off" required />
    <button type="submit">Use it</button>
  </form>
);

/** What speaks against the score, in the api's words. */
export function Warnings({ state: { score, text } }: { readonly state: State }) {
  if (score?.text !== text || score.answer.warnings.length === 0) return null;
  return (
    <section class="card warnings" aria-labelledby="warnings-title">
      <h2 id="warnings-title">Before you rely on this score</h2>
      <ul>
        {score.answer.warnings.map(({ code, message }) => (
          <li key={code}>{message}</li>
        ))}
      </ul>
    </section>
  );
}
