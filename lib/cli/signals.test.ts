import { spawn } from "node:child_process";
import { once } from "node:events";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { compiled } from "../system/package-files.js";

/** A process that ends by itself a while after the first signal; signals are sent as it prints lines. */
async function send(script: string, signals: readonly NodeJS.Signals[]) {
  const source = `import { abortOnSignals } from ${JSON.stringify(pathToFileURL(compiled("lib/cli/signals")).href)};\n${script}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  const left = [...signals];
  child.stdout.on("data", (piece) => {
    output += piece;
    const signal = left.shift();
    if (signal) child.kill(signal);
  });
  const [code, signal] = await once(child, "close");
  return { code, signal, output };
}

const wait = "setInterval(() => {}, 1000); console.log('ready');";

test("the first signal aborts, and the process may finish its work", async () => {
  const script = `abortOnSignals().addEventListener("abort", () => { console.log("aborted"); setTimeout(() => process.exit(7), 300); }); ${wait}`;
  // the second one follows at once, as npm sends it
  expect(await send(script, ["SIGINT", "SIGINT"])).toEqual({ code: 7, signal: null, output: "ready\naborted\n" });
});

test("a later one ends the process, or calls again", async () => {
  const later = `const say = () => setTimeout(() => console.log("still here"), 1500);`;
  const plain = `${later} abortOnSignals().addEventListener("abort", say); ${wait}`;
  expect(await send(plain, ["SIGTERM", "SIGTERM"])).toMatchObject({ code: null, signal: "SIGTERM" });
  const asked = `${later} abortOnSignals(() => { console.log("again"); process.exit(3); }).addEventListener("abort", say); ${wait}`;
  expect(await send(asked, ["SIGTERM", "SIGINT"])).toEqual({ code: 3, signal: null, output: "ready\nstill here\nagain\n" });
});
