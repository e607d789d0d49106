import type { ScoreAnswer } from "./answers.js";
import type { State } from "./session.js";

type Formulas = NonNullable<ScoreAnswer["formulas"]>;

/** The formulas of the api, and how to read each. */
const names: Readonly<Record<keyof Formulas, readonly [name: string, reads: string]>> = {
  flesch_reading_ease: ["Flesch Reading Ease", "0 hard, 100 easy"],
  flesch_kincaid_grade: ["Flesch-Kincaid", "grade"],
  smog: ["SMOG", "grade"],
  gunning_fog: ["Gunning Fog", "grade"],
  coleman_liau: ["Coleman-Liau", "grade"],
  automated_readability: ["Automated Readability", "grade"],
  dale_chall: ["New Dale-Chall", "below 5 easy, 10 hard"],
};

/** What readability formulas say, for those who must report them. */
export function FormulaTable({ state: { score } }: { readonly state: State }) {
  const formulas = score?.answer.formulas;
  if (!formulas) return null;
  return (
    <section class="card formulas" aria-labelledby="formulas-title">
      <h2 id="formulas-title">Formulas</h2>
      <p class="note">They count letters, syllables and words. The score above agrees with teachers far better.</p>
      <table>
        <tbody>
          {(Object.keys(names) as (keyof Formulas)[]).map((key) => {
            const [name, reads] = names[key];
            const value = formulas[key];
            return (
              <tr key={key}>
                <th scope="row">{name}</th>
                <td class="reads">{reads}</td>
                <td class="value">{value === null ? "–" : value.toFixed(1).replace("-", "−")}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
