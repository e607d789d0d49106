/** The model of a WordPiece tokenizer.json. */
export interface WordPieceModel {
  readonly vocab: Readonly<Record<string, number>>;
  readonly unk_token: string;
  /** Before a token that does not begin a word. Default: ##. */
  readonly continuing_subword_prefix?: string;
  /** A longer word, in code points, is unknown. Default: 100. */
  readonly max_input_chars_per_word?: number;
}

/**
 * Appends the ids of a word to `ids`: of the longest token that begins it, then of the longest that goes on, and so forth; or the unknown
 * token's, if that leads to no end.
 * @returns the steps it took in the trie: at most two for each UTF-16 unit of the word, and one more
 */
export type WordEncoder = (word: string, ids: number[]) => number;

/** A token on its way into the trie. */
interface Growing {
  readonly text: string;
  readonly id: number;
  node: number;
}

/** Nodes: where words begin, where they go on, and no node. */
const [wordRoot, suffixRoot, none] = [0, 1, -1];

/**
 * WordPiece in linear time: LinMaxMatch (Song et al. 2021, "Fast WordPiece Tokenization", algorithms 1 and 2). Each node of a trie of the
 * tokens knows, if the next character does not follow it, which tokens to put out and at which node to go on.
 * @param unknown the id of the unknown token
 */
export function createWordPiece(model: WordPieceModel, unknown: number): WordEncoder {
  const { vocab, continuing_subword_prefix: prefix = "##", max_input_chars_per_word: longest = 100 } = model;
  const tokens = Object.entries(vocab).filter(([text]) => text.length <= prefix.length + 2 * longest);
  const letters = numberLetters(tokens.map(([text]) => text));
  const edges = new Map<number, number>();
  const keyOf = (node: number, unit: number) => node * letters.count + letters.numbers[unit]!;
  const find = (node: number, unit: number) => edges.get(keyOf(node, unit)) ?? none;
  const ids = [none, none];
  const failures = [none, none];
  const outputs: (readonly number[])[] = [[], []];

  function link(node: number, parent: number, unit: number): void {
    if (ids[node] !== none) {
      failures[node] = suffixRoot;
      outputs[node] = [ids[node]!];
      return;
    }
    let failure = failures[parent]!;
    let output = outputs[parent]!;
    while (failure !== none && find(failure, unit) === none) {
      output = [...output, ...outputs[failure]!];
      failure = failures[failure]!;
    }
    failures[node] = failure === none ? none : find(failure, unit);
    outputs[node] = output;
  }

  let growing: Growing[] = [
    ...tokens.map(([text, id]) => ({ text, id, node: wordRoot })),
    ...tokens.filter(([text]) => text.startsWith(prefix)).map(([text, id]) => ({ text: text.slice(prefix.length), id, node: suffixRoot })),
  ].filter(({ text }) => text !== "");
  // Level by level, as a node is linked to nodes above it.
  for (let depth = 0; growing.length > 0; depth++) {
    const added: Parameters<typeof link>[] = [];
    for (const token of growing) {
      const unit = token.text.charCodeAt(depth);
      let node = find(token.node, unit);
      if (node === none) {
        node = ids.push(none) - 1;
        edges.set(keyOf(token.node, unit), node);
        added.push([node, token.node, unit]);
      }
      token.node = node;
      if (depth + 1 === token.text.length) ids[node] = token.id;
    }
    for (const node of added) link(...node);
    growing = growing.filter(({ text }) => text.length > depth + 1);
  }

  return (word, found) => {
    const begin = found.length;
    let [node, steps] = [wordRoot, 0];
    const fallBack = () => {
      steps++;
      for (const id of outputs[node]!) found.push(id);
      node = failures[node]!;
    };
    for (let i = 0; i < word.length && node !== none; i++) {
      const unit = word.charCodeAt(i);
      let next = find(node, unit);
      while (next === none) {
        fallBack();
        if (node === none) break;
        next = find(node, unit);
      }
      steps++;
      node = next;
    }
    while (node !== suffixRoot && node !== none) fallBack();
    if (node === none || isLonger(word, longest)) {
      found.length = begin;
      found.push(unknown);
    }
    return steps;
  };
}

/** Numbers the UTF-16 units of the texts from 1, and all others 0, so that the keys of edges are small integers, which are fast. */
function numberLetters(texts: readonly string[]): { readonly numbers: Uint32Array; readonly count: number } {
  const numbers = new Uint32Array(0x10000);
  let count = 1;
  for (const text of texts)
    for (let i = 0; i < text.length; i++) if (numbers[text.charCodeAt(i)] === 0) numbers[text.charCodeAt(i)] = count++;
  return { numbers, count };
}

/** Whether a text has more code points than `most`. */
function isLonger(text: string, most: number): boolean {
  return text.length > most && (text.length > 2 * most || [...text].length > most);
}
