import type { WarningCode } from "../../lib/text/warnings.js";

/** A text that is no passage of prose, and the warnings that it must get. */
interface OutsideText {
  readonly name: string;
  readonly warnings: readonly WarningCode[];
  readonly text: string;
}

export const outsideTexts: readonly OutsideText[] = [
  {
    name: "shopping list",
    warnings: ["list"],
    text: `- two loaves of bread
- a dozen eggs
- butter
- onions, the small red ones
- a bag of rice
- soap
- candles for the cake
- stamps
- oranges, if they are cheap
- string
- a new light bulb for the hall`,
  },
  {
    name: "program code",
    warnings: ["code"],
    text: `def count_words(lines):
    counts = {}
    for line in lines:
        for word in line.split():
            word = word.lower()
            counts[word] = counts.get(word, 0) + 1
    return counts

if __name__ == "__main__":
    import sys
    print(count_words(sys.stdin))`,
  },
  {
    name: "HTML",
    warnings: ["markup"],
    text: `<div class="card"><h2>Opening hours</h2><ul><li><b>Monday</b>: 9 to 5</li><li><b>Tuesday</b>: closed</li></ul>
<p>Call <a href="tel:5550100">us</a> for a visit. <em>Dogs</em> are welcome, <strong>but</strong> keep them on a lead.</p></div>`,
  },
  {
    name: "table of numbers",
    warnings: ["numbers"],
    text: `City\tJan\tApr\tJul\tOct
Oslo\t-4\t5\t17\t6
Cairo\t14\t21\t29\t24
Lima\t23\t21\t17\t18
Perth\t24\t20\t13\t16
Delhi\t14\t29\t31\t26`,
  },
  {
    name: "simple verse",
    warnings: ["verse"],
    text: `The snail went out without a shoe,
Without a hat or coat,
And when the rain began to fall,
He made his shell a boat,

He sailed across the garden path,
He sailed around the tree,
And called to every drop that fell,
"You cannot frighten me!"`,
  },
  {
    name: "difficult verse",
    warnings: ["verse"],
    text: `What ligature of ash and evensong,
What tithe the tarnished equinox exacts,
Unlaces from the estuary's tongue
The vowel that our argument redacts,

I cannot gloss; the heron's cuneiform,
Impressed upon the palimpsest of silt,
Foretells no more than that the coming storm
Will cancel every hieroglyph it built.`,
  },
  {
    name: "dialogue",
    warnings: [],
    text: `"Did you feed the cat?"
"Which cat?"
"What do you mean, which cat? We have one cat."
"Not since this morning."
"Sam, what did you do?"
"Nothing! It followed me. It was cold and wet, and it looked at me."
"They all look at you."
"Not like this one. Can we keep it? Please?"
"Ask your father."
"He said to ask you."`,
  },
  {
    name: "French",
    warnings: ["not-english"],
    text: `Le chat dort sur le mur. Il fait chaud, et les enfants jouent dans le jardin. Marie a un ballon rouge. Elle le lance à son frère, mais il
tombe dans la rivière. « Attends ! » dit le grand-père. Il prend un long bâton et ramène le ballon. Tout le monde rit, et le chat ouvre un œil.`,
  },
  {
    name: "German",
    warnings: ["not-english"],
    text: `Die Katze schläft auf der Mauer. Es ist warm, und die Kinder spielen im Garten. Marie hat einen roten Ball. Sie wirft ihn ihrem Bruder zu,
aber er fällt in den Fluss. „Wartet!“, sagt der Großvater. Er nimmt einen langen Stock und holt den Ball zurück. Alle lachen, und die Katze öffnet ein Auge.`,
  },
  {
    name: "Russian",
    warnings: ["not-english"],
    text: `Кошка спит на стене. Тепло, и дети играют в саду. У Маши красный мяч. Она бросает его брату, но мяч падает в реку. «Подождите!» — говорит
дедушка. Он берёт длинную палку и достаёт мяч. Все смеются, а кошка открывает один глаз.`,
  },
  { name: "one easy word", warnings: ["too-short"], text: "cat" },
  { name: "one difficult word", warnings: ["too-short"], text: "jurisprudential" },
  { name: "an easy sentence", warnings: ["too-short"], text: "The dog ran after the red ball and brought it back to me." },
  {
    name: "a difficult sentence",
    warnings: ["too-short"],
    text: "Judicial deference presupposes an ambiguity that ordinary canons of construction are powerless to resolve.",
  },
  {
    name: "one sentence 12 times",
    warnings: ["repeated"],
    text: Array.from({ length: 12 }, () => "The quality of the result depends on the care of the worker.").join(" "),
  },
  { name: "symbols", warnings: ["no-words"], text: "*** +++ ### @@@ &&& %%% $$$ !!! ??? *** +++ ### @@@ &&& %%%" },
];
