import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, realpathSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fail } from "../errors/errors.js";
import { failToWrite } from "./files.js";

/**
 * Runs `work` while it holds the lock on a folder, so that no other process of ours on this machine writes there. The lock is a listening
 * socket, which the operating system closes however the process ends.
 * @throws in-use if another process holds the lock
 */
export async function withLock<R>(folder: string, work: () => Promise<R>): Promise<R> {
  const address = addressOf(folder);
  const server = createServer().unref();
  server.listen(address);
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") failToWrite(address, error);
    if (isFile(address) && !(await isAlive(address))) {
      rmSync(address, { force: true });
      return withLock(folder, work);
    }
    fail("in-use", { folder }, error);
  }
  try {
    return await work();
  } finally {
    await once(server.close(), "close");
  }
}

/** The socket of a folder, the same for every path to it. Linux has sockets without a file, Windows named pipes. */
function addressOf(folder: string): string {
  const name = `readability-${createHash("sha256").update(realPath(folder)).digest("hex").slice(0, 32)}`;
  if (process.platform === "linux") return `\0${name}`;
  return process.platform === "win32" ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
}

/** The real path of a folder that may not exist yet. */
function realPath(folder: string): string {
  const path = resolve(folder);
  return existsSync(path) ? realpathSync(path) : join(realPath(dirname(path)), basename(path));
}

/** Whether the socket is a file, which outlives its process. */
const isFile = (address: string) => address.endsWith(".sock");

async function isAlive(address: string): Promise<boolean> {
  const socket = connect(address);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
