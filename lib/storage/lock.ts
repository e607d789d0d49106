import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, realpathSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fail } from "../errors/errors.js";

/**
 * Does work that writes into a folder while no other process of ours does on this machine. The claim is a socket that listens, which
 * the system closes with the process however that ends: a killed one leaves no lock behind.
 * @throws in-use
 */
export async function withClaim<R>(folder: string, work: () => Promise<R>): Promise<R> {
  const address = addressOf(folder);
  const server = createServer().unref();
  server.listen(address);
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    if (isFile(address) && !(await isAlive(address))) {
      rmSync(address, { force: true });
      return withClaim(folder, work);
    }
    fail("in-use", { folder }, error);
  }
  try {
    return await work();
  } finally {
    await once(server.close(), "close");
  }
}

/** Of a folder by whatever path it is named: Linux has sockets without a file, Windows pipes. */
function addressOf(folder: string): string {
  const name = `readability-${createHash("sha256").update(realPath(folder)).digest("hex").slice(0, 32)}`;
  if (process.platform === "linux") return `\0${name}`;
  return process.platform === "win32" ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
}

/** Of a folder that may still have to be made. */
function realPath(folder: string): string {
  const path = resolve(folder);
  return existsSync(path) ? realpathSync(path) : join(realPath(dirname(path)), basename(path));
}

/** A file of a socket outlives its process. */
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
