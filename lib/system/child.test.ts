import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startChild } from "./child.js";
import { compiled } from "./package-files.js";

test("reads the lines of both streams, also a last one without a line end", async () => {
  const lines: string[] = [];
  const script = `console.log("a"); console.error("b"); process.stdout.write("c")`;
  const onLine = (line: string, stream: string) => lines.push(`${stream} ${line}`);
  const { exited } = startChild([process.execPath, "-e", script], { onLine });
  const exit = await exited;
  expect(exit).toMatchObject({ code: 0, how: "ended with exit code 0" });
  expect(lines.sort()).toEqual(["stderr b", "stdout a", "stdout c"]);
  expect([...exit.lines].sort()).toEqual(["a", "b", "c"]);
});

test("a program that is not there is an exit, not an exception", async () => {
  const child = startChild(["/no/such/program"]);
  expect((await child.exited).how).toMatch(/^could not be started: .*ENOENT/);
  await child.stop(1);
});

test("a service ends when the process that started it is killed", async () => {
  // nobody answers on port 1: the load test waits for it
  const service = JSON.stringify([compiled("cli"), "load_testing", "--target", "http://127.0.0.1:1", "--wait", "120"]);
  const parent = `const { spawn } = require("node:child_process");
    const child = spawn(process.execPath, ${service}, { stdio: ["ignore", "ignore", "ignore", "ipc"], detached: true });
    console.log(child.pid); setInterval(() => {}, 1000);`;
  const up = spawn(process.execPath, ["-e", parent], { stdio: ["ignore", "pipe", "inherit"] });
  const [pid] = await once(up.stdout, "data");
  const isAlive = () => {
    try {
      return process.kill(Number(pid), 0);
    } catch {
      return false;
    }
  };
  await sleep(1000);
  expect(isAlive()).toBe(true);
  up.kill("SIGKILL");
  while (isAlive()) await sleep(50); // the test's own time-out is the limit
});
