import type { Editor } from "./editor.js";
import { type Effect, levelOf } from "./effects.js";
import type { Span } from "./passages.js";

/** Tints the sentences of an editor that make its text hard. */
export interface Tints {
  /** @param current the sentence that is pointed at elsewhere */
  show(effects: readonly Effect[], current?: Span): void;
}

const names = ["hard-1", "hard-2", "hard-3", "hard-stale", "current"] as const;
type Name = (typeof names)[number];

const nameOf = ({ effect, stale }: Effect): Name | undefined => {
  const level = levelOf(effect);
  return level === 0 ? undefined : stale ? "hard-stale" : `hard-${level}`;
};

/** With the browser's CSS Custom Highlight API, or else a layer of marks behind the text. */
export const createTints = (editor: Editor): Tints => ("highlights" in CSS ? highlight(editor) : layMarks(editor));

function highlight(editor: Editor): Tints {
  const highlights = Object.fromEntries(names.map((name) => [name, new Highlight()])) as Record<Name, Highlight>;
  for (const name of names) CSS.highlights.set(name, highlights[name]);
  highlights.current.priority = 1;
  return {
    show(effects, current) {
      for (const name of names) highlights[name].clear();
      for (const effect of effects) {
        const name = nameOf(effect);
        if (name) highlights[name].add(editor.rangeOf(effect));
      }
      if (current) highlights.current.add(editor.rangeOf(current));
    },
  };
}

function layMarks(editor: Editor): Tints {
  const layer = document.createElement("div");
  layer.className = "marks";
  layer.setAttribute("aria-hidden", "true");
  editor.element.before(layer);
  return {
    show(effects, current) {
      const { text } = editor;
      layer.replaceChildren(
        ...editor.blocks.map(({ element, start, end }) => {
          const block = document.createElement("div");
          block.className = "block";
          let from = start;
          for (const effect of effects.filter((one) => one.start >= start && one.end <= end)) {
            const name = current?.start === effect.start ? "current" : nameOf(effect);
            if (!name) continue;
            const mark = document.createElement("mark");
            mark.className = name;
            mark.textContent = text.slice(effect.start, effect.end);
            block.append(text.slice(from, effect.start), mark);
            from = effect.end;
          }
          block.append(element.textContent!.slice(from - start));
          return block;
        }),
      );
    },
  };
}
