import type { State } from "./session.js";

/** The formulas of the api, and how to read each. */
const names: Readonly<Record<string, readonly [name: string, reads: string]>> = {
  flesch_reading_ease: ["Flesch Reading Ease", "0 hard, 100 easy"],
  flesch_kincaid_grade: ["Flesch-Kincaid", "grade"],
  smog: ["SMOG", "grade"],
  gunning_fog: ["Gunning Fog", "grade"],
  coleman_liau: ["Coleman-Liau", "grade"],
  automated_readability: ["Automated Readability", "grade"],
  dale_chall: ["New Dale-Chall", "below 5 easy, 10 hard"],
};

/** What readability formulas say, for those who must report them. */
export function Formulas({ state: { score } }: { readonly state: State }) {
  const formulas = Object.entries(score?.answer.formulas ?? {});
  if (formulas.length === 0) return null;
  return (
    <section class="card formulas" aria-labelledby="formulas-title">
      <h2 id="formulas-title">Formulas</h2>
      <p class="note">They count letters, syllables and words. The score above agrees with teachers far better.</p>
      <table>
        <tbody>
          {formulas.map(([key, value]) => {
            const [name, reads] = names[key] ?? [key, ""];
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
