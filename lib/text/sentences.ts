const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });

/** Full stops that end no sentence, which the segmenter takes for ends before a capital: titles and initials. */
const abbreviation = /(?:^|[^\p{L}])(?:Mr|Mrs|Ms|Dr|Prof|St|Rev|Hon|Gen|Col|Capt|Lt|Sgt|Messrs|Mme|Mlle|vs|[A-HJ-Z])\.$/u;

/**
 * Cuts a text into sentences; joined, they are the text again. White space between two of them starts the second, where tokenizers
 * that see it (byte-level ones) expect it.
 */
export function splitSentences(text: string): string[] {
  const sentences: string[] = [];
  let begin = 0;
  for (const [index, segment] of segments(text)) {
    const sentence = segment.trimEnd();
    if (sentence === "" || abbreviation.test(sentence.slice(-10))) continue;
    const end = index + sentence.length;
    sentences.push(text.slice(begin, end));
    begin = end;
  }
  if (text.slice(begin).trim() !== "") sentences.push(text.slice(begin));
  else if (begin < text.length) sentences.push((sentences.pop() ?? "") + text.slice(begin));
  return sentences;
}

const blockSize = 2048;

/** Start and text of each segment. Goes block by block: V8 copies the whole input into every segment it gives. */
function* segments(text: string): Generator<[index: number, segment: string]> {
  let begin = 0;
  for (let size = blockSize; begin < text.length; ) {
    const block = text.slice(begin, begin + size);
    const last = begin + block.length === text.length;
    const blockBegin = begin;
    for (const { index, segment } of segmenter.segment(block)) {
      const end = blockBegin + index + segment.length;
      if (end === blockBegin + block.length && !last) break; // may go on in the next block
      yield [blockBegin + index, segment];
      begin = end;
      if (size > blockSize) break;
    }
    size = begin > blockBegin ? blockSize : size * 2;
  }
}
