import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withLock } from "../../lib/storage/lock.js";
import type { Settings } from "./options.js";
import { runUp, type World } from "./run.js";

/** Does what the five services do as far as `up` can see, and what `behaviour.json` wants it to do wrong. */
const fakeService = `
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
const [service, ...args] = process.argv.slice(2);
const flag = (name) => args[args.indexOf(name) + 1];
const log = (what) => appendFileSync("log", service + " " + what + "\\n");
const behaviour = JSON.parse(readFileSync("behaviour.json", "utf8"))[service] ?? {};
const exit = (code) => { log("ended"); process.exit(code); };
appendFileSync("pids", process.pid + "\\n");
log("started " + args.join(" "));
process.on("SIGTERM", () => behaviour.stubborn ? console.log("no") : setTimeout(exit, behaviour.drain ?? 0, 0));
console.log("hello from " + service);
if (behaviour.exit !== undefined) {
  console.error("it went wrong");
  exit(behaviour.exit);
} else if (behaviour.slow) setInterval(() => {}, 1000);
else if (service === "train" || service === "optimization") {
  mkdirSync(flag("--out"), { recursive: true });
  writeFileSync(flag("--out") + "/config.json", service + args.join(" "));
  exit(0);
} else if (service === "load_testing") {
  if (behaviour.crash) await fetch(behaviour.crash + "/crash").catch(() => {});
  exit(0);
} else createServer((request, response) => {
  if (request.url === "/crash") process.kill(process.pid, "SIGKILL");
  response.writeHead(behaviour.unready ? 503 : 200).end("true");
}).listen(Number(flag("--port")));
`;

let folder: string;
let before: string;
let settings: Settings;
beforeEach(async () => {
  before = process.cwd();
  folder = mkdtempSync(join(tmpdir(), "up-"));
  process.chdir(folder); // data/input is looked for in the current folder
  writeFileSync("fake.mjs", fakeService);
  writeFileSync("grades.csv", "excerpt,target\nA text,1\n");
  mkdirSync("released");
  writeFileSync("released/config.json", "{}");
  behave({});
  const [port, inferencePort, metricsPort] = await findPorts(3);
  settings = {
    data: undefined,
    model: undefined,
    artifacts: "artifacts",
    port: port!,
    inferencePort: inferencePort!,
    metricsPort: metricsPort!,
    loadUsers: 20,
    loadTime: 10,
    startTimeout: 20,
    stopTimeout: 20,
    only: undefined,
    train: [],
    optimization: [],
  };
});
afterEach(() => {
  const left = existsSync("pids") ? readFileSync("pids", "utf8").trim().split("\n").map(Number).filter(isAlive) : [];
  process.chdir(before);
  rmSync(folder, { recursive: true });
  for (const pid of left) process.kill(pid, "SIGKILL");
  expect(left, "processes left behind").toEqual([]);
});

const behave = (behaviour: Record<string, object>) => writeFileSync("behaviour.json", JSON.stringify(behaviour));
const readLog = () => readFileSync("log", "utf8").trim().split("\n");
const started = () => readLog().flatMap((line) => /^(\w+) started/.exec(line)?.[1] ?? []);
const argumentsOf = (service: string) => readLog().find((line) => line.startsWith(`${service} started`))!;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function findPorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

const answers = (line: string) => line.includes("Try: curl");

/** Runs `up` until a line of it fits, then ends it as Ctrl-C does; a second time as two do. */
async function up(
  change: Partial<Settings>,
  fits: (line: string, lines: readonly string[]) => boolean = answers,
  worldChange: Partial<World> = {},
) {
  const interrupts = [new AbortController(), new AbortController()];
  const lines: string[] = [];
  const world: World = {
    launch: (service, args) => [process.execPath, "fake.mjs", service, ...args],
    print: (service, line) => {
      lines.push(`${service}: ${line}`);
      if (fits(lines.at(-1)!, lines)) interrupts.find(({ signal }) => !signal.aborted)?.abort();
    },
    signal: interrupts[0]!.signal,
    kill: interrupts[1]!.signal,
    releasedModel: "released",
    health: { every: 0.1, limit: 5, failures: 3 },
    restarts: { pause: 0.05, limit: 2, calm: 60 },
    ...worldChange,
  };
  const code = await runUp({ ...settings, ...change }, world);
  return { lines, code };
}

test("without data: training is left out, the rest follows in order, and all ends in order", async () => {
  const { lines, code } = await up({ train: ["--epochs", "1"] });
  expect(code).toBe(0);
  expect(lines[0]).toBe(
    "up: train: skipped, as neither data/input/train.csv.zip nor data/input/train.csv exists; using the released model released",
  );
  expect(lines[1]).toContain("--epochs 1");
  expect(started()).toEqual(["optimization", "inference", "api", "load_testing"]);
  expect(argumentsOf("optimization")).toBe("optimization started --model released --out artifacts/repository");
  expect(argumentsOf("api")).toContain(`--inference http://127.0.0.1:${settings.inferencePort} --port ${settings.port}`);
  expect(argumentsOf("load_testing")).toContain("-u 20 --run-time 10");
  expect(lines).toContain("inference: hello from inference");
  expect(lines.at(-1)).toContain(`ready at http://localhost:${settings.port}. Try: curl -s http://localhost:${settings.port}/predict`);
  expect(readLog().slice(-2)).toEqual(["api ended", "inference ended"]); // the api drains while what it needs still answers
});

test("what is built and unchanged is not built again; what changed is", async () => {
  const data = { data: "grades.csv", train: ["--epochs", "1", "--base", "released"] };
  await up(data);
  expect(started()).toEqual(["train", "optimization", "inference", "api", "load_testing"]);
  expect(argumentsOf("train")).toBe("train started --data grades.csv --out artifacts/model --epochs 1 --base released");
  expect(argumentsOf("optimization")).toContain("--model artifacts/model --data grades.csv");

  const builds = async (change: Partial<Settings>) => {
    rmSync("log");
    const { lines } = await up({ loadUsers: 0, ...change });
    return [started().filter((service) => service === "train" || service === "optimization"), lines] as const;
  };
  const [nothing, lines] = await builds({ ...data, train: [...data.train, "--resume"] });
  expect(nothing).toEqual([]);
  expect(lines.slice(0, 2)).toEqual(["up: train: up to date (artifacts/model)", "up: optimization: up to date (artifacts/repository)"]);
  expect(started()).toEqual(["inference", "api"]);

  expect((await builds({ ...data, train: ["--epochs", "2", "--base", "released"] }))[0]).toEqual(["train", "optimization"]);
  writeFileSync("released/config.json", "another base");
  expect((await builds({ ...data, train: ["--epochs", "2", "--base", "released"] }))[0]).toEqual(["train"]);
  appendFileSync("grades.csv", "Another text,2\n");
  expect((await builds({ ...data, train: ["--epochs", "2", "--base", "released"] }))[0]).toEqual(["train", "optimization"]);
  writeFileSync("artifacts/repository/config.json", "changed by hand");
  expect((await builds({ ...data, train: ["--epochs", "2", "--base", "released"] }))[0]).toEqual(["optimization"]);
});

test("one step alone, as compose runs them", async () => {
  expect((await up({ only: "train" })).code).toBe(0);
  expect(existsSync("log")).toBe(false);
  await up({ only: "train", data: "grades.csv" });
  await up({ only: "optimization", data: "grades.csv" });
  expect(started()).toEqual(["train", "optimization"]);
  expect(argumentsOf("optimization")).toContain("--model artifacts/model");
});

test("a checkpoint that is named takes the place of training", async () => {
  await up({ model: "released", data: "grades.csv", loadTime: 0 });
  expect(started()).toEqual(["optimization", "inference", "api"]);
  expect(argumentsOf("optimization")).toContain("--model released --data grades.csv");
});

test("options of optimization and the columns of the data are passed on, and a change of them builds again", async () => {
  const columns = ["--column", "text", "--file", "a.csv"];
  await up({ data: "grades.csv", train: columns, optimization: ["--precision", "fp32"] });
  expect(argumentsOf("optimization")).toMatch(/--out artifacts\/repository --column text --file a\.csv --precision fp32$/);
  expect(argumentsOf("load_testing")).toMatch(/--data grades\.csv --column text --file a\.csv$/);
  rmSync("log");
  await up({ data: "grades.csv", train: columns, optimization: ["--precision", "fp32"], loadUsers: 0 });
  expect(started()).toEqual(["inference", "api"]);
  rmSync("log");
  await up({ data: "grades.csv", train: columns, optimization: ["--precision", "int8"], loadUsers: 0 });
  expect(started()).toEqual(["optimization", "inference", "api"]);
});

test("a build that fails ends all with its name, its exit code and its last lines, and is built again", async () => {
  behave({ train: { exit: 3 } });
  const failing = { data: "grades.csv" };
  await expect(up(failing)).rejects.toMatchObject({
    code: "service-failed",
    exit: 1,
    message: /^train ended with exit code 3.*it went wrong/s,
  });
  behave({ train: { exit: 2 } });
  await expect(up(failing)).rejects.toMatchObject({ code: "service-usage", exit: 2 });
  behave({});
  rmSync("log");
  await up(failing);
  expect(started()[0]).toBe("train");
});

test("training that did not end goes on with --resume, where nothing it depends on has changed", async () => {
  const train = async (change: Partial<Settings>, behaviour: object = {}) => {
    rmSync("log", { force: true });
    behave({ train: behaviour });
    await up({ data: "grades.csv", only: "train", ...change }).catch(() => {});
    return argumentsOf("train").endsWith(" --resume");
  };
  expect(await train({}, { exit: 1 })).toBe(false);
  expect(await train({}, { exit: 1 })).toBe(true);
  expect(await train({ train: ["--lr", "1"] }, { exit: 1 })).toBe(false);
  appendFileSync("grades.csv", "Another,2\n");
  expect(await train({ train: ["--lr", "1"] }, { exit: 1 })).toBe(false);
  expect(await train({ train: ["--lr", "1"] })).toBe(true);
  writeFileSync("artifacts/model/config.json", "changed by hand");
  expect(await train({ train: ["--lr", "1"] })).toBe(false);
});

test("a folder that another process writes into is waited for", async () => {
  let release = () => {};
  const held = withLock("artifacts/model", () => new Promise<void>((resolve) => (release = resolve)));
  const { lines } = await up({ data: "grades.csv", only: "train" }, (line) => {
    if (line.includes("another process that is writing to artifacts/model")) release();
    return false;
  });
  await held;
  expect(lines).toContain("train: hello from train");
});

test("a data file that is named and not there is an error, as is a checkpoint", async () => {
  await expect(up({ data: "none.csv" })).rejects.toMatchObject({ code: "no-file", message: /none\.csv/ });
  await expect(up({ model: "none" })).rejects.toMatchObject({ code: "no-file", message: /--model/ });
});

test("a server that dies before it is ready is an error, and what was started before it ends", async () => {
  behave({ api: { exit: 1 } });
  await expect(up({})).rejects.toMatchObject({ code: "service-failed", message: /^api ended with exit code 1.*it went wrong/s });
  expect(readLog().at(-1)).toBe("inference ended");
});

test("a server that is not ready in time is an error", async () => {
  behave({ inference: { unready: true } });
  await expect(up({ startTimeout: 1 })).rejects.toMatchObject({
    code: "no-answer",
    message: /v2\/health\/ready.*HTTP 503.*--start-timeout/,
  });
});

test("a port in use is an error before anything is built", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(settings.inferencePort, "127.0.0.1", resolve));
  const flag = new RegExp(`${settings.inferencePort}.*inference.*--inference-port`);
  await expect(up({})).rejects.toMatchObject({ code: "port-taken", message: flag });
  server.close();
  expect(existsSync("log")).toBe(false);
});

test("a load test that fails is told and leaves the api up; the exit code remembers it", async () => {
  behave({ load_testing: { exit: 1 } });
  const { lines, code } = await up({});
  expect(code).toBe(1);
  expect(lines.at(-2)).toMatch(/^up: load_testing ended with exit code 1/);
  expect(lines.at(-1)).toContain("Try: curl");
});

test("a server that crashes is started again", async () => {
  behave({ load_testing: { crash: `http://127.0.0.1:${settings.inferencePort}` } });
  const { lines, code } = await up({}, (_, lines) => lines.filter((line) => line === "inference: hello from inference").length === 2);
  expect(code).toBe(0);
  expect(lines).toContain("inference: was killed by SIGKILL; restarting in 0.05 s");
});

// Windows has no SIGSTOP to hang a process with.
test.skipIf(process.platform === "win32")("a server that hangs is killed and started again", async () => {
  const isBack = (_: string, lines: readonly string[]) => lines.filter((line) => line === "inference: hello from inference").length === 2;
  const hang = (line: string, lines: readonly string[]) => {
    if (answers(line)) process.kill(Number(readFileSync("pids", "utf8").split("\n").at(-3)), "SIGSTOP"); // inference, before the api
    return isBack(line, lines);
  };
  const { lines, code } = await up({ loadUsers: 0 }, hang, { health: { every: 0.05, limit: 1.5, failures: 2 } });
  expect(code).toBe(0);
  expect(lines).toContain("inference: did not respond 2 times in a row; killing it");
  expect(lines).toContain("inference: was killed by SIGKILL; restarting in 0.05 s");
  expect(started()).toEqual(["optimization", "inference", "api", "inference"]);
});

test("a server that crashes again and again ends all with an error", async () => {
  const crash = (line: string) => {
    if (!answers(line)) return false;
    behave({ inference: { exit: 4 } });
    void fetch(`http://127.0.0.1:${settings.inferencePort}/crash`).catch(() => {});
    return false;
  };
  await expect(up({ loadUsers: 0 }, crash)).rejects.toMatchObject({ code: "service-failed", message: /^inference ended with exit code 4/ });
  expect(started()).toEqual(["optimization", "inference", "api", "inference", "inference"]);
  expect(readLog().at(-1)).toBe("api ended");
});

test("an interrupted build ends at once, and is no success", async () => {
  behave({ optimization: { slow: true } });
  const { code } = await up({}, (line) => line === "optimization: hello from optimization");
  expect(code).toBe(1);
  expect(readLog()).toEqual([expect.stringMatching(/^optimization started/), "optimization ended"]);
});

test("a service that does not end when asked is killed after a while, or at once when asked twice", async () => {
  behave({ api: { stubborn: true } });
  expect((await up({ loadUsers: 0, stopTimeout: 1 })).code).toBe(0);
  behave({ api: { stubborn: true }, inference: { stubborn: true } });
  expect((await up({ loadUsers: 0, stopTimeout: 3600 }, (line) => answers(line) || line === "api: no")).code).toBe(0);
});

test("what a service has accepted it may finish", async () => {
  behave({ api: { drain: 500 } });
  await up({ loadUsers: 0 });
  expect(readLog().slice(-2)).toEqual(["api ended", "inference ended"]);
});
