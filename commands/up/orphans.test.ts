import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { findPort } from "../../lib/http/listen.js";
import { waitForAnswer } from "../../lib/http/wait.js";
import { createRandom } from "../../lib/math/random.js";
import { compiled, shipped } from "../../lib/system/package-files.js";
import { startCommand } from "../../test/commands.js";
import { copyTiny } from "../../test/tiny-models.js";

const timeout = 300_000;
const kills = 30;
const seed = Number(process.env.SEED ?? Date.now() % 1e6);

/** Only Linux lists processes there. */
const hasProc = existsSync("/proc");

let folder: string;
let ports: readonly number[];
let options: readonly string[];
beforeAll(async () => {
  if (!hasProc) return;
  folder = mkdtempSync(join(tmpdir(), "orphans-"));
  ports = [await findPort(), await findPort(), await findPort()];
  copyTiny("bert", join(folder, "base"));
  const flags = ["--port", "--inference-port", "--metrics-port"].flatMap((flag, i) => [flag, String(ports[i])]);
  options = ["--model", join(folder, "base"), "--artifacts", join(folder, "artifacts"), "--load-users", "0", ...flags];
  const { child, finished, log } = start();
  await untilServing();
  child.kill("SIGINT"); // as Ctrl-C does
  expect((await finished).code, log()).not.toBe(null);
  await expectNothingLeft("the first run");
}, timeout);
afterEach(() => {
  for (const { pid } of listProcesses()) process.kill(pid, "SIGKILL");
});
afterAll(() => folder && rmSync(folder, { recursive: true, force: true }));

/** Few and short measurements: what is built does not matter here. */
const env = {
  READABILITY_OPTIMIZATION_SECONDS: "0.1",
  READABILITY_OPTIMIZATION_ROUNDS: "1",
  READABILITY_OPTIMIZATION_GATE_ROWS: "20",
};

const start = () => startCommand(["up", ...options], { folder, env });

/** Waits until `up` serves. */
const untilServing = () => waitForAnswer(`http://127.0.0.1:${ports[0]}/ready`, 120, "It should serve by now.");

/** Processes whose command line names the test's folder. */
function listProcesses(): readonly { readonly pid: number; readonly command: string }[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
      return command.includes(folder) ? [{ pid: Number(name), command }] : [];
    } catch {
      return []; // it has just ended
    }
  });
}

async function expectNothingLeft(what: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (listProcesses().length > 0 && Date.now() < deadline) await sleep(20);
  expect(listProcesses(), what).toEqual([]);
  for (const port of ports) {
    const server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening"); // rejects if the port is taken
    server.close();
    await once(server, "close");
  }
}

const countChildren = (pid: number) => readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).length;

test.skipIf(!hasProc)(`leaves nothing behind when it is killed around the start of a service (SEED=${seed})`, { timeout }, async () => {
  const random = createRandom(seed);
  for (let kill = 0; kill < kills; kill++) {
    const { child, finished } = start();
    const services = 1 + (kill % 2); // inference, then the api
    while (child.exitCode === null && countChildren(child.pid!) < services) await sleep(1);
    const milliseconds = random.int(200);
    await sleep(milliseconds);
    child.kill("SIGKILL");
    expect((await finished).code).toBe(null);
    await expectNothingLeft(`SEED=${seed}, kill ${kill}, ${milliseconds} ms after the start of service ${services}`);
  }
});

test.skipIf(!hasProc)("ends when npm, which started it, is ended", { timeout }, async () => {
  const command = ["node", shipped("readability.mjs"), "up", ...options].map((word) => JSON.stringify(word)).join(" ");
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "orphans", scripts: { start: command } }));
  for (const signal of ["SIGTERM", "SIGHUP", "SIGKILL"] as const) {
    const npm = spawn("npm", ["start"], { cwd: folder, env: { ...process.env, ...env }, stdio: "ignore" });
    await untilServing();
    npm.kill(signal);
    await once(npm, "exit");
    await expectNothingLeft(`${signal} to npm`);
  }
});

test.skipIf(!hasProc)("ends when nobody reads its output any more", { timeout }, async () => {
  const command = [process.execPath, compiled("cli"), "up", ...options].map((word) => JSON.stringify(word)).join(" ");
  const shell = spawn("sh", ["-c", `${command} | head -1`], { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors] = await Promise.all([text(shell.stdout), text(shell.stderr)]);
  expect(output).toMatch(/^up .*\n$/);
  expect(errors).not.toContain("EPIPE"); // it is no crash
  await expectNothingLeft("head -1");
});
