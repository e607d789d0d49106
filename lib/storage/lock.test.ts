import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compiled } from "../system/package-files.js";
import { withLock } from "./lock.js";

const own = Object.getOwnPropertyDescriptor(process, "platform")!;
const temporary = process.env.TMPDIR;
let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "lock-"));
  process.env.TMPDIR = place;
});
afterEach(() => {
  if (temporary === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = temporary;
  Object.defineProperty(process, "platform", own);
  rmSync(place, { recursive: true });
});

/** Locks a folder in another process, which is killed after `work`. */
async function whileLocked(folder: string, platform: string, work: () => Promise<void>): Promise<void> {
  const script = `
    Object.defineProperty(process, "platform", { value: ${JSON.stringify(platform)} });
    const { withLock } = await import(${JSON.stringify(compiled("lib/storage/lock"))});
    await withLock(${JSON.stringify(folder)}, () => new Promise(() => { console.log("locked"); setInterval(() => {}, 1000); }));`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(child.stdout, "data");
    await work();
  } finally {
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }
}

const sockets = () => readdirSync(place).filter((name) => name.endsWith(".sock"));

// Windows has pipes alone.
describe.skipIf(process.platform === "win32").each(["linux", "darwin"].filter((name) => name !== "linux" || process.platform === name))(
  "the lock on a folder, on %s",
  (platform) => {
    beforeEach(() => {
      Object.defineProperty(process, "platform", { value: platform });
    });

    it("is held by one process at a time, by whatever path, and released when its work ends or fails", async () => {
      const folder = join(place, "out");
      const other = join(place, "by-another-path");
      symlinkSync(place, other);
      const refused = async (name: string) =>
        expect(withLock(name, async () => "two")).rejects.toThrow(`is writing to ${name}. Wait until it ends`);
      const locked = withLock(folder, async () => {
        await refused(folder);
        await refused(join(other, "out"));
        expect(await withLock(join(place, "another"), async () => "beside")).toBe("beside");
        expect(existsSync(folder)).toBe(false);
        mkdirSync(folder);
        await refused(join(other, "out"));
        return "one";
      });
      expect(await locked).toBe("one");
      await expect(withLock(folder, () => Promise.reject(new Error("full")))).rejects.toThrow("full");
      expect(await withLock(folder, async () => "again")).toBe("again");
      expect(sockets()).toEqual([]);
    });

    it("is released when the process is killed", async () => {
      const folder = join(place, "out");
      await whileLocked(folder, platform, async () => {
        await expect(withLock(folder, async () => {})).rejects.toThrow("Another readability process is writing to");
      });
      expect(sockets()).toHaveLength(platform === "linux" ? 0 : 1);
      expect(await withLock(folder, async () => "free")).toBe("free");
    });
  },
);
