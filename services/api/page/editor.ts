import { cleanText } from "./files.js";
import { createHistory } from "./history.js";
import { findEdit, type Span, splitBlocks, type TextEdit } from "./passages.js";

/** An editable plain text, shown in blocks so that a change to a long text lays out only a part of it. */
export interface Editor {
  readonly element: HTMLElement;
  /** The elements that hold the text, in order, with their places. A line end lies between two of them. */
  readonly blocks: readonly Block[];
  readonly text: string;
  /** Replaces a part of the text, as a step that can be undone, and puts the caret behind it. */
  replace(start: number, end: number, text: string): void;
  /** Selects a part and scrolls to it. The keyboard's focus stays where it is, unless `focus` is set. */
  select(span: Span, focus: boolean): void;
  /** The DOM range of a part of the text. */
  rangeOf(span: Span): Range;
  /** The part of the text on screen, to whole blocks; undefined if none is. */
  visible(): Span | undefined;
}

interface Block extends Span {
  readonly element: HTMLElement;
}

/** Blocks that grew beyond this by typing are cut again. */
const largestBlock = 6000;

/** @param onChange is called after every change, before the next frame */
export function createEditor(element: HTMLElement, onChange: (edit: TextEdit) => void): Editor {
  let blocks: Block[] = [];
  let text = "";
  const history = createHistory();

  let isComposing = false;

  element.addEventListener("input", readChange);
  element.addEventListener("compositionstart", () => {
    isComposing = true;
  });
  element.addEventListener("compositionend", () => {
    isComposing = false;
    readChange();
  });
  element.addEventListener("beforeinput", (event) => {
    const { inputType, dataTransfer } = event;
    if (inputType === "historyUndo" || inputType === "historyRedo") {
      event.preventDefault();
      travel(inputType === "historyUndo" ? "undo" : "redo");
    } else if (inputType === "insertFromPaste" || inputType === "insertFromDrop") {
      event.preventDefault();
      const [target] = event.getTargetRanges();
      const { start, end } = target
        ? { start: offsetOf(target.startContainer, target.startOffset), end: offsetOf(target.endContainer, target.endOffset) }
        : selected();
      replace(start, end, cleanText(dataTransfer?.getData("text/plain") ?? event.data ?? ""));
    } else if (inputType.startsWith("format")) event.preventDefault();
  });
  element.addEventListener("keydown", (event) => {
    // Undo is our own: the browser's does not know what was pasted.
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    travel(key === "y" || event.shiftKey ? "redo" : "undo");
  });
  element.addEventListener("copy", copySelection);
  element.addEventListener("cut", (event) => {
    if (!copySelection(event)) return;
    const { start, end } = selected();
    replace(start, end, "");
  });

  /** Puts the selected text on the clipboard as we count it, without the browser's blank lines between blocks. */
  function copySelection(event: ClipboardEvent): boolean {
    const { start, end } = selected();
    if (start === end) return false;
    event.clipboardData?.setData("text/plain", text.slice(start, end));
    event.preventDefault();
    return true;
  }

  function travel(way: "undo" | "redo"): void {
    const edit = history[way]();
    if (edit) write(edit, false);
  }

  /** Reads what the browser's own editing left, and restores one text node a block. An input method is left alone while it composes. */
  function readChange(): void {
    const nodes = [...element.childNodes];
    const tidied = nodes.every((node) => node instanceof HTMLElement && node.className === "block" && node.childElementCount === 0);
    let start = 0;
    const found = nodes.map((node) => {
      if (node instanceof HTMLElement && node.childNodes.length > 1) node.normalize();
      const own = readNode(node);
      const block = { element: node as HTMLElement, start, end: start + own.length, own };
      start = block.end + 1;
      return block;
    });
    const before = text;
    text = found.map(({ own }) => own).join("\n");
    const large = found.some(({ own }) => own.length > largestBlock && splitBlocks(own).length > 1);
    if ((tidied && !large) || isComposing) blocks = found;
    else {
      const at = selected(found);
      build(0, nodes.length, text);
      setSelection(at);
    }
    notice(findEdit(before, text), true);
  }

  function notice(edit: TextEdit, isNew: boolean): void {
    if (edit.removed === edit.inserted) return;
    if (isNew) history.add(edit);
    onChange(edit);
  }

  function replace(start: number, end: number, inserted: string): void {
    write({ start, removed: text.slice(start, end), inserted }, true);
  }

  /** Applies an edit. @param isNew whether it can be undone, as it is no undoing itself */
  function write(edit: TextEdit, isNew: boolean): void {
    const { start, removed, inserted } = edit;
    const end = start + removed.length;
    const first = Math.max(
      0,
      blocks.findLastIndex((block) => block.start <= start),
    );
    const last = Math.max(
      first,
      blocks.findLastIndex((block) => block.start <= end),
    );
    const [from, to] = [blocks[first]?.start ?? 0, blocks[last]?.end ?? 0];
    const changed = text.slice(from, start) + inserted + text.slice(end, to);
    text = text.slice(0, start) + inserted + text.slice(end);
    build(first, last + 1, changed);
    const caret = start + inserted.length;
    if (element.contains(document.activeElement)) setSelection({ start: caret, end: caret });
    notice(edit, isNew);
  }

  /** Replaces blocks by those of another text, and counts the places of all again. */
  function build(first: number, end: number, changed: string): void {
    const parts = splitBlocks(changed);
    const built = (parts.length === 0 && text !== "" ? [""] : parts).map((own) => {
      const block = document.createElement("div");
      block.className = "block";
      block.textContent = shown(own);
      return block;
    });
    const nodes = [...element.childNodes];
    for (const node of nodes.slice(first, end)) node.remove();
    const next = nodes[end] ?? null;
    for (const block of built) element.insertBefore(block, next);
    let start = 0;
    blocks = [...element.children].map((block) => {
      const own = readNode(block);
      const place = { element: block as HTMLElement, start, end: start + own.length };
      start = place.end + 1;
      return place;
    });
  }

  /** The selection, in the text; its end if there is none. */
  function selected(among: readonly Block[] = blocks): Span {
    const selection = getSelection();
    if (!selection?.rangeCount || !element.contains(selection.anchorNode)) return { start: text.length, end: text.length };
    const { startContainer, startOffset, endContainer, endOffset } = selection.getRangeAt(0);
    return { start: offsetOf(startContainer, startOffset, among), end: offsetOf(endContainer, endOffset, among) };
  }

  function offsetOf(node: Node, offset: number, among: readonly Block[] = blocks): number {
    if (node === element) return among[offset]?.start ?? text.length;
    const block = among.find((one) => one.element.contains(node));
    if (!block) return text.length;
    const before = document.createRange();
    before.setStart(block.element, 0);
    before.setEnd(node, offset);
    return Math.min(block.end, block.start + before.toString().length);
  }

  function placeOf(offset: number): [Node, number] {
    const block = blocks[Math.max(0, findBlock(offset))];
    const node = block?.element.firstChild;
    return block && node ? [node, Math.min(node.textContent!.length, offset - block.start)] : [element, 0];
  }

  /** The index of the last block that starts at or before an offset. */
  function findBlock(offset: number): number {
    let low = 0;
    for (let high = blocks.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (blocks[middle]!.start <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  function setSelection({ start, end }: Span): void {
    getSelection()?.setBaseAndExtent(...placeOf(start), ...placeOf(end));
  }

  return {
    element,
    get blocks() {
      return blocks;
    },
    get text() {
      return text;
    },
    replace,
    select(span, focus) {
      const active = document.activeElement;
      setSelection(span);
      if (focus) element.focus({ preventScroll: true });
      // Browsers move the focus into a text when they select in it. Outside, a list is being walked with the keyboard.
      else if (active instanceof HTMLElement && active !== document.activeElement) active.focus({ preventScroll: true });
      blocks[findBlock(span.start)]?.element.scrollIntoView({ block: "nearest" });
      const box = this.rangeOf(span).getBoundingClientRect();
      if (box.top < 80 || box.bottom > innerHeight - 40) scrollBy({ top: box.top - innerHeight / 3 });
    },
    rangeOf({ start, end }) {
      const range = document.createRange();
      range.setStart(...placeOf(start));
      range.setEnd(...placeOf(end));
      return range;
    },
    visible() {
      const seen = blocks.filter((block) => {
        const { top, bottom } = block.element.getBoundingClientRect();
        return bottom > 0 && top < innerHeight;
      });
      return seen.length > 0 ? { start: seen[0]!.start, end: seen.at(-1)!.end } : undefined;
    },
  };
}

/** The text of a block. Browsers show no line end at the end of a block, so one more stands there. */
function readNode(node: Node): string {
  if (node.nodeName === "BR") return "";
  const breaks = node instanceof HTMLElement ? node.querySelectorAll("br") : [];
  const own = breaks.length === 0 ? node.textContent! : readBreaks(node);
  return own.endsWith("\n") ? own.slice(0, -1) : own;
}

const readBreaks = (node: Node): string =>
  node.nodeName === "BR" ? "\n" : node.nodeType === Node.TEXT_NODE ? node.textContent! : [...node.childNodes].map(readBreaks).join("");

const shown = (own: string) => (own === "" || own.endsWith("\n") ? `${own}\n` : own);
