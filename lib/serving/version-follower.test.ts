import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { keepLog, until } from "../../test/fakes.js";
import { publishVersion } from "../../test/repositories.js";
import { type FollowOptions, followNewest } from "./version-follower.js";

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "versions-")), "repository");
});
afterEach(() => rmSync(join(folder, ".."), { recursive: true, force: true }));

const place = (version: number, file = "") => join(folder, "readability", String(version), file);

/** Follows versions that open as their numbers, unless their graph is "broken". */
function follow(options: Partial<FollowOptions<number>> = {}) {
  const closed: number[] = [];
  const opens: number[] = [];
  const { log, lines } = keepLog();
  const follower = followNewest<number>({
    repository: folder,
    model: "readability",
    async open({ version }) {
      opens.push(version);
      if (readFileSync(place(version, "model.onnx"), "utf8") === "broken") throw new Error(`${version} is broken`);
      return version;
    },
    close: async (version) => void closed.push(version),
    log,
    ...options,
  });
  return { follower, closed, opens, lines };
}

it("opens the newest version, then newer ones, and closes the old one after its last use", async () => {
  publishVersion(folder, 1);
  publishVersion(folder, 9);
  const { follower, closed, opens } = follow();
  await follower.poll();
  await follower.poll();
  expect([follower.current, opens, follower.states]).toEqual([9, [9], [{ version: 9, state: "READY" }]]);
  let finish = () => {};
  const used = follower.use((version) => new Promise<number>((resolve) => (finish = () => resolve(version))));
  publishVersion(folder, 10);
  await follower.poll();
  expect(follower.states).toEqual([
    { version: 9, state: "UNLOADING" },
    { version: 10, state: "READY" },
  ]);
  expect([await follower.use(async (version) => version), follower.opened, closed]).toEqual([10, [9, 10], []]);
  finish();
  expect(await used).toBe(9);
  await follower.drained();
  expect([closed, follower.opened]).toEqual([[9], [10]]);
});

it("keeps the current version if a newer one is broken or incomplete, reports it once, and retries when its files change", async () => {
  publishVersion(folder, 1);
  const { follower, opens, lines } = follow();
  await follower.poll();
  publishVersion(folder, 2, { graph: Buffer.from("broken") });
  for (let i = 0; i < 3; i++) await follower.poll();
  expect([follower.current, opens]).toEqual([1, [1, 2]]);
  expect(follower.states).toEqual([
    { version: 1, state: "READY" },
    { version: 2, state: "UNAVAILABLE", reason: "2 is broken" },
  ]);
  expect(lines.filter((line) => line.includes("version 2 cannot be loaded; version 1 stays in service: 2 is broken"))).toHaveLength(1);
  const metadata = readFileSync(place(2, "metadata.json"));
  rmSync(place(2, "metadata.json"));
  await follower.poll();
  expect(follower.states[1]).toMatchObject({ state: "UNAVAILABLE", reason: expect.stringContaining("metadata.json not found") });
  writeFileSync(place(2, "metadata.json"), metadata);
  writeFileSync(place(2, "model.onnx"), "mended");
  await follower.poll();
  expect([follower.current, follower.states]).toEqual([2, [{ version: 2, state: "READY" }]]);
});

it("falls back if the newest version is deleted, and keeps the current one if none is left", async () => {
  publishVersion(folder, 1);
  publishVersion(folder, 2);
  const { follower, closed } = follow();
  await follower.poll();
  rmSync(place(2), { recursive: true });
  await follower.poll();
  expect(follower.current).toBe(1);
  rmSync(place(1), { recursive: true });
  await follower.poll();
  rmSync(folder, { recursive: true });
  await follower.poll();
  expect([follower.current, closed]).toEqual([1, [2]]);
});

it("reopens a version whose files change, and keeps the old one if they are broken", async () => {
  publishVersion(folder, 1);
  publishVersion(folder, 2);
  const { follower, opens, closed } = follow();
  await follower.poll();
  appendFileSync(place(2, "model.onnx"), "more");
  await follower.poll();
  expect([opens, closed]).toEqual([[2, 2], [2]]);
  writeFileSync(place(2, "model.onnx"), "broken");
  for (let i = 0; i < 2; i++) await follower.poll();
  expect([follower.current, opens]).toEqual([2, [2, 2, 2]]);
});

it("does not open a version again whose files have other inodes and times and the same bytes", async () => {
  publishVersion(folder, 1);
  publishVersion(folder, 2, { graph: Buffer.from("broken") });
  const { follower, opens } = follow();
  await follower.poll();
  for (const version of [1, 2])
    for (const file of ["model.onnx", "metadata.json"]) {
      const bytes = readFileSync(place(version, file));
      rmSync(place(version, file));
      writeFileSync(place(version, file), bytes);
      utimesSync(place(version, file), 1, 2);
    }
  for (let i = 0; i < 2; i++) await follower.poll();
  expect([follower.current, opens]).toEqual([1, [2, 1]]);
});

// Links need special rights on Windows.
it.skipIf(process.platform === "win32")("follows links to versions, as git-sync and Kubernetes make them", async () => {
  publishVersion(folder, 1);
  mkdirSync(join(folder, "..data"));
  renameSync(join(folder, "readability"), join(folder, "..data", "readability"));
  symlinkSync(join("..data", "readability"), join(folder, "readability"));
  renameSync(place(1), place(1, "../release"));
  symlinkSync("release", place(1));
  const { follower } = follow();
  await follower.poll();
  expect(follower.current).toBe(1);
});

it("reports why nothing is open, and serves an older version if the newest is broken at start", async () => {
  publishVersion(folder, 2, { graph: Buffer.from("broken") });
  const { follower } = follow();
  await expect(follower.use(async () => {})).rejects.toMatchObject({ code: "closed" });
  await follower.poll();
  expect([follower.current, follower.problem]).toEqual([undefined, expect.objectContaining({ message: "2 is broken" })]);
  publishVersion(folder, 1);
  await follower.poll();
  expect(follower.current).toBe(1);
});

it("asks again for what cannot be opened yet, and leaves what does not serve any more", async () => {
  const served = new Set([1]);
  publishVersion(folder, 1);
  publishVersion(folder, 2);
  const { follower } = follow({
    open: async ({ version }) => (served.has(version) ? version : undefined),
    serves: async (version) => served.has(version),
  });
  await follower.poll();
  expect(follower.current).toBe(1);
  served.add(2).delete(1);
  await follower.poll();
  expect(follower.current).toBe(2);
  served.add(1).delete(2);
  await follower.poll();
  expect(follower.current).toBe(1);
});

it("gives the version up when told to, and closes after the poll in progress", async () => {
  publishVersion(folder, 1);
  const { follower, closed, opens } = follow();
  await follower.poll();
  follower.release();
  await follower.drained();
  expect([follower.current, closed, follower.states]).toEqual([undefined, [1], [{ version: 1, state: "UNAVAILABLE", reason: "unloaded" }]]);
  const polling = follower.poll();
  await until(() => opens.length === 2);
  await follower.close();
  await polling;
  expect([follower.opened, closed]).toEqual([[], [1, 1]]);
  await follower.poll();
  expect(opens).toHaveLength(2);
});
