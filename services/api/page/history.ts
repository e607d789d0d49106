import type { TextEdit } from "./passages.js";

/** Steps of editing that can be taken back. */
export interface History {
  add(edit: TextEdit): void;
  /** The edit that takes the last step back, or undefined. */
  undo(): TextEdit | undefined;
  redo(): TextEdit | undefined;
}

const mostSteps = 500;
/** Milliseconds within which typing is one step. */
const pause = 1000;

export function createHistory(now: () => number = () => performance.now()): History {
  const done: TextEdit[] = [];
  let undone: TextEdit[] = [];
  let last = -Infinity;
  return {
    add(edit) {
      const previous = done.at(-1);
      const joined = previous && now() - last < pause ? joinTyping(previous, edit) : undefined;
      if (joined) done.pop();
      done.push(joined ?? edit);
      if (done.length > mostSteps) done.shift();
      undone = [];
      last = now();
    },
    undo() {
      const edit = done.pop();
      last = -Infinity;
      if (!edit) return undefined;
      undone.push(edit);
      return { start: edit.start, removed: edit.inserted, inserted: edit.removed };
    },
    redo() {
      const edit = undone.pop();
      if (edit) done.push(edit);
      return edit;
    },
  };
}

/** One step of two, if the second goes on where the first stopped. */
function joinTyping(first: TextEdit, second: TextEdit): TextEdit | undefined {
  const short = second.inserted.length + second.removed.length <= 2;
  if (!short) return undefined;
  if (second.removed === "" && second.start === first.start + first.inserted.length)
    return { ...first, inserted: first.inserted + second.inserted };
  if (second.inserted === "" && first.inserted === "" && second.start + second.removed.length === first.start)
    return { start: second.start, removed: second.removed + first.removed, inserted: "" };
  return undefined;
}
