import { describe, expect, it } from "vitest";
import { createCache } from "./cache.js";

const value = (score: number) => ({ score });

describe("createCache", () => {
  it("forgets what was used longest ago", () => {
    const cache = createCache(2);
    cache.set("a", value(1));
    cache.set("b", value(2));
    expect(cache.get("a")).toEqual(value(1));
    cache.set("c", value(3));
    expect(cache.get("b")).toBeUndefined();
    expect(cache.get("a")).toEqual(value(1));
    expect(cache.get("c")).toEqual(value(3));
  });

  it("keeps one value a text", () => {
    const cache = createCache(2);
    cache.set("a", value(1));
    cache.set("b", value(2));
    cache.set("a", value(3));
    expect(cache.get("b")).toEqual(value(2));
    expect(cache.get("a")).toEqual(value(3));
  });

  it("holds nothing when its size is 0", () => {
    const cache = createCache(0);
    cache.set("a", value(1));
    expect(cache.get("a")).toBeUndefined();
  });

  it("tells texts apart that differ in an unpaired surrogate", () => {
    const cache = createCache(10);
    cache.set("\ud800", value(1));
    expect(cache.get("\ud801")).toBeUndefined();
    expect(cache.get("\ufffd")).toBeUndefined();
    expect(cache.get("\ud800")).toEqual(value(1));
  });
});
