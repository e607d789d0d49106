/**
 * What a full stop after an abbreviation may mean.
 * "title": a name follows. "inner": more of the sentence follows. "numbered": it goes on where a number follows.
 * "either": it ends where a word follows that opens sentences. "final": it ends where a capital follows. "unit": "final" after a number.
 */
type AbbreviationKind = "title" | "inner" | "numbered" | "either" | "final" | "unit";

const words: { readonly [kind in AbbreviationKind]: string } = {
  title:
    "Mr Mrs Ms Mx Dr Drs Prof Rev Hon Gen Gov Sen Rep Reps Sens Pres Capt Cpt Cmdr Cdr Lt Col Sgt Cpl Pvt Maj Adm Fr Messrs Mme Mlle Supt Insp Amb Atty Mt Ft Pte Br Msgr",
  inner: "e.g i.e eg ie cf viz vs v approx ca incl esp resp al seq spec chem",
  numbered:
    "No Nos Fig Figs Eq Eqs Ch Chap Sec Sect Vol Vols p pp Art Pt Par Bk Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun c ver Ex Tab App chap cap lib fol bk",
  either:
    "St Ave Blvd Rd Hwy Jr Sr Inc Ltd Co Corp Bros Cos Dept Univ Assn Assoc Est Govt Ph.D PhD Esq ed eds trans cent spp sp Ala Ariz Calif Colo Conn Fla Mass Mich Minn Penn Tenn Tex Va Wash Wis",
  final: "etc a.m p.m am pm",
  unit: "deg in ft yd yds mi oz lb lbs pt qt gal cm mm m km g kg mg ml l hr hrs h min mins sec secs s mph kph sq cu am pm doz",
};

/** By the word before the stop: as written, and in lower case unless that is a word of its own. */
const kinds = new Map<string, AbbreviationKind>();
for (const [kind, list] of Object.entries(words) as [AbbreviationKind, string][])
  for (const word of list.split(" ")) if (word !== "am" || kind === "unit") kinds.set(word, kind);

/** @param word before the stop, without it */
export function findAbbreviation(word: string): AbbreviationKind | undefined {
  if (/^(?:[ap]\.m|e\.g|i\.e|etc|vs)$/i.test(word)) return kinds.get(word.toLowerCase());
  const kind = kinds.get(word);
  if (kind !== undefined) return kind;
  if (/^[ivxlc]{2,}$/.test(word)) return "numbered";
  return /^(?:\p{L}{1,2}\.)+\p{L}{1,2}$/u.test(word) ? "either" : undefined; // U.S., Ph.D., B.C.
}

/** Words that open sentences, and seldom follow an abbreviation with a capital otherwise. */
const starters = new Set(
  (
    "the a an it he she they we you i but and so then there this that these those in on at when while if as after before for from his her " +
    "their its our my your what who whom whose why how where which not no yes now once one some many most all both each every another " +
    "such because although though since until with without by to of or nor yet here perhaps maybe however also soon later let do did does " +
    "is was were are can could will would should have has had nobody everybody everyone someone nothing everything something suddenly " +
    "finally today tomorrow yesterday i'm i'll i'd i've it's he's she's they're we're don't that's there's what's let's during despite " +
    "instead meanwhile therefore thus even only still never always people two three four five"
  ).split(" "),
);

/** @param next what follows the stop and its white space, from its first letter on */
export function opensSentence(next: string): boolean {
  const word = /^\p{Lu}[\p{L}’']*(?!\.)/u.exec(next)?.[0];
  return word !== undefined && starters.has(word.toLowerCase().replace("’", "'"));
}

/** Capitals that follow a time or a date within a sentence. */
export const isCalendarWord = (next: string): boolean =>
  /^(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|May|June|July|August|September|October|November|December|[ECMP][SD]?T|GMT|UTC|Eastern|Central|Pacific|Mountain)\b/.test(
    next,
  );

/** The verb of "said Ann" or "Ann said" after what she said. */
export const attribution =
  /^(?:(?:Mr|Mrs|Ms|Dr)\.? )?\p{Lu}[\p{L}'’-]*(?: \p{Lu}[\p{L}'’-]*)? (?:said|says|asked|asks|cried|shouted|yelled|whispered|replied|answered|exclaimed|called|muttered|screamed|laughed|sighed|added|thought|wondered|demanded|gasped|begged|inquired|snapped|growled|roared)\b/u;
