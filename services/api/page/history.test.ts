import { expect, it } from "vitest";
import { createHistory } from "./history.js";

const insert = (start: number, inserted: string) => ({ start, removed: "", inserted });

it("takes typing back as one step, and pastes one by one", () => {
  let time = 0;
  const history = createHistory(() => time);
  for (const [i, key] of [..."cat"].entries()) history.add(insert(i, key));
  history.add(insert(3, " and a dog"));
  expect(history.undo()).toEqual({ start: 3, removed: " and a dog", inserted: "" });
  expect(history.undo()).toEqual({ start: 0, removed: "cat", inserted: "" });
  expect(history.undo()).toBeUndefined();
  expect(history.redo()).toEqual(insert(0, "cat"));
  time = 5000;
  history.add(insert(3, "s"));
  expect(history.redo()).toBeUndefined();
  expect(history.undo()).toEqual({ start: 3, removed: "s", inserted: "" });
});

it("joins what Backspace deletes", () => {
  const history = createHistory(() => 0);
  history.add({ start: 2, removed: "t", inserted: "" });
  history.add({ start: 1, removed: "a", inserted: "" });
  expect(history.undo()).toEqual({ start: 1, removed: "", inserted: "at" });
});
