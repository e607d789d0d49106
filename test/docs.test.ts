import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { strToU8, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Options, parseOptions } from "../lib/cli/options.js";
import { root } from "../lib/system/package-files.js";
import { type Running, startCommand, waitForAddress } from "./commands.js";
import { writeRepository } from "./repositories.js";
import { copyTiny } from "./tiny-models.js";

const list = (folder: string, keep = (_: string) => true) => readdirSync(join(root, folder)).filter(keep);
const read = (file: string) => readFileSync(join(root, file), "utf8");
const sources = [
  ...list("."),
  ...["bench", "commands", "lib", "services", "test"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((name) => `${folder}/${String(name).replaceAll("\\", "/")}`),
  ),
];
const pages = [
  ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"],
  ...list("docs", (name) => name.endsWith(".md")).map((name) => `docs/${name}`),
  ...["models", "data"].flatMap((folder) => list(folder).map((name) => `${folder}/${name}/README.md`)),
];

/** How a command in the docs is checked: it runs here and must print this, or only its scripts, files and flags are checked. */
type Check = { readonly prints: RegExp } | "only checked";

const predict = `curl -s http://localhost:5000/predict -H 'content-type: application/json' -d '{"text": "Some text to score"}'`;

const post = (body: string, path = "/v1/score") => `curl -s http://localhost:5000${path} -H 'content-type: application/json' -d '${body}'`;

const lines = `printf '%s\\n' '{"id": "a", "text": "The cat sat on the mat."}' '"It slept."' | curl -s http://localhost:5000/v1/score -H 'content-type: application/x-ndjson' --data-binary @-`;

const newKey = `key=$(openssl rand -hex 32) && echo "$key" && echo "$(printf %s "$key" | sha256sum | cut -d' ' -f1) editors" >> keys.txt`;

/** Every command in the docs. The settings of `beforeAll` make those that run small; the others take minutes or need a server. */
const commands: Readonly<Record<string, Check>> = {
  "npm ci && npm start": "only checked",
  "npm ci": "only checked",
  "npm start": "only checked",
  "npm test": "only checked",
  "npm run build": "only checked",
  "npx vitest run lib/text": "only checked",
  "npm run check": "only checked",
  "npm run lint": "only checked",
  "npm run format": "only checked",
  "npm run pack": "only checked", // run by test/package.test.ts
  ".ci/run": "only checked",
  "npm run generate:vector": "only checked",
  "docker compose up": "only checked", // run by test/compose/run.sh
  "docker compose -f compose.yaml -f compose.embedded.yaml up": "only checked",
  "docker compose -f compose.yaml -f compose.gpu.yaml up": "only checked",
  "docker compose -f compose.yaml -f compose.monitoring.yaml --profile monitoring up": "only checked",
  "docker build -t readability-scoring:0.1.0 .": "only checked",
  "kubectl apply -k deploy/kubernetes/overlays/cpu-embedded": "only checked", // built by test/manifests.test.ts
  "kubectl apply -f deploy/kubernetes/volume-pod.yaml": "only checked",
  "kubectl -n readability port-forward service/readability-api 5000": "only checked",
  "kubectl cp data/input/train.csv.zip readability/readability-volume:/data/train.csv.zip": "only checked",
  "kubectl -n readability delete job readability-build --ignore-not-found": "only checked",
  "kubectl -n readability exec readability-volume -- mv /artifacts/repository/readability/2 /artifacts/withdrawn-2": "only checked",
  "kubectl -n readability rollout status deployment/readability-api": "only checked",
  "kubectl -n readability rollout undo deployment/readability-api": "only checked",
  "npx vitest run test/conformance.test.ts -u": "only checked",
  "npx vitest run test/behaviour -u": "only checked",
  "npm run build && node dist/cli.js docs > docs/options.md": "only checked", // run by commands/docs/main.test.ts
  "npx readability load_testing -u 200 -r 10 --run-time 120": "only checked",
  "npx readability train": { prints: /^\| Epoch \| Training Loss \| Validation Loss \| Rmse \|\n(.*\n)+$/ },
  "npx readability train --folds 5 --out artifacts/folds": { prints: /(\| Epoch .*\n(.*\n)+){5}/ },
  "npx readability optimization": { prints: /^\| Graph .*\n(.*\n)*\| fp32 / },
  'echo "The cat sat on the mat." | npx readability score --model models/readability-minilm -': {
    prints: /^\{"score":-?[\d.]+,"warnings":\[\{"code":"too-short",.*\}\]\}\n$/,
  },
  "npx readability score data/sample/letter.txt --format table": { prints: /^text .* grade\ndata\/sample\/letter\.txt +-?[\d.]+ / },
  "npx readability score data/sample/passages.csv | head -2": { prints: /^\{"id":"bees-1","score":-?[\d.]+\}\n\{"id":"bees-2",.*\n$/ },
  [predict]: { prints: /^\["Some text to score",-?[\d.]+\]$/ },
  [post('{"text": "The cat sat on the mat. It slept.", "sentences": true}')]: {
    prints:
      /^\{"score":.*"sentences":\[\{"start":0,"end":23,"effect":-?[\d.]+\},\{"start":24,"end":33,"effect":-?[\d.]+\}\],"model":"readability","version":1\}$/,
  },
  [post('{"texts": ["The cat sat.", " "]}')]: { prints: /^\{"results":\[\{"score":.*\{"error":\{"status":422,"code":"empty-text",.*\]\}$/ },
  [post('{"text": "The cat sat on the mat.", "target": {"score": -0.5}}')]: {
    prints:
      /^\{"score":.*"target":\{"score":-0.5,"suits":null,"difference":-?[\d.]+,"confidence":null\},"model":"readability","version":1\}$/,
  },
  [lines]: { prints: /^\{"id":"a","score":.*\}\n\{"score":.*\}\n$/ },
  [post('{"before": "The feline was seated.", "after": "The cat sat."}', "/v1/compare")]: {
    prints: /^\{"before":\{"score":.*\},"after":\{"score":.*\},"difference":\{"score":-?[\d.]+,"interval":null\}\}$/,
  },
  [newKey]: { prints: /^[0-9a-f]{64}\n$/ },
  "curl -s http://localhost:5000/v1/models": { prints: /^\{"models":\[\{"model":"readability","version":1,.*\}\]\}$/ },
};

describe.each(pages)("%s", (page) => {
  const text = read(page);

  it("has links that resolve", () => {
    const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!).filter((link) => !/^https?:/.test(link));
    const broken = links.filter((link) => {
      const [path, anchor] = link.split("#") as [string, string?];
      const file = path === "" ? page : join(dirname(page), path);
      return !existsSync(join(root, file)) || (anchor !== undefined && !listAnchors(read(file)).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  it("names only source files that exist", () => {
    const names = [...text.matchAll(/`([\w./-]+\.(?:ts|mjs|py|wasm))\b[^`]*`/g)].map(([, name]) => name!);
    expect(names.filter((name) => !sources.some((file) => `/${file}`.endsWith(`/${name}`)))).toEqual([]);
  });

  // test/package.test.ts runs those of ts and python.
  it("says of every fenced block what it is", () => {
    const kinds = listBlocks(text).map(({ kind }) => kind);
    expect(kinds.filter((kind) => !["sh", "console", "text", "ts", "python"].includes(kind))).toEqual([]);
  });

  it("shows only commands that this test checks", () => {
    expect(listCommands(text).filter((command) => !(command in commands))).toEqual([]);
  });
});

it("checks only commands that the docs show", () => {
  const shown = new Set(pages.flatMap((page) => listCommands(read(page))));
  expect(Object.keys(commands).filter((command) => !shown.has(command))).toEqual([]);
});

describe("ARCHITECTURE.md", () => {
  const text = read("ARCHITECTURE.md");

  describe.each(["From a text to its score", "From a passage to updated weights"])("%s", (title) => {
    const steps = sectionOf(text, title).trim().split("\n");
    const hops = [...steps.join("\n").matchAll(/\[`(\w+)`\]\(([^)]+)\)/g)].map(([, name, file]) => [name!, file!] as const);

    it("takes ten steps at most", () => {
      expect(steps.length).toBeLessThanOrEqual(10);
      expect(steps.every((step) => /^\d+\. .*\[.*\]\(.*\)/.test(step))).toBe(true);
    });

    it.each(hops)("%s is exported by %s", (name, file) => {
      expect(read(file)).toMatch(new RegExp(`^export (async )?(function\\*?|const) ${name}\\b`, "m"));
    });
  });

  it("draws every folder of lib once, above the folders that biome.json lets it import", () => {
    const [drawing] = listBlocks(sectionOf(text, "Layers"));
    const [, ...levels] = drawing!.body.trim().split("\n\n"); // the first level is outside lib
    const folders = levels.map((level) => level.split("\n").map((line) => line.split(" ")[0]!));
    expect(folders.flat().sort()).toEqual(list("lib").sort());
    const levelOf = (folder: string) => folders.findIndex((level) => level.includes(folder));
    const wrong = listImports().filter(({ from, to }) => levelOf(to) <= levelOf(from));
    expect(wrong).toEqual([]);
  });
});

describe("commands", () => {
  it.each(Object.keys(commands))("%s: scripts, files and flags exist", async (command) => {
    for (const part of command.replace(/ > \S+$/, "").split(/ && | \| /)) await checkPart(splitWords(part));
  });

  describe.skipIf(process.platform === "win32")("run", () => {
    let folder: string;
    let api: Running;
    let address: string;
    const env = {
      ...process.env,
      ...{ npm_config_offline: "true", npm_config_update_notifier: "false" },
      ...{ READABILITY_TRAIN_BASE: "models/readability-minilm", READABILITY_TRAIN_EPOCHS: "1", READABILITY_TRAIN_BATCH: "8" },
      ...{ READABILITY_TRAIN_MAX_LENGTH: "16", READABILITY_OPTIMIZATION_MODEL: "models/readability-minilm" },
      ...{ READABILITY_OPTIMIZATION_SECONDS: "0.02", READABILITY_OPTIMIZATION_ROUNDS: "1", READABILITY_OPTIMIZATION_OUT: "optimized" },
      ...{ READABILITY_SCORE_MODEL: "models/readability-minilm" },
    };

    // A copy of the checkout with a tiny model in the place of the released one, a little data and a running api.
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "docs-"));
      for (const name of ["package.json", "readability.mjs"]) symlinkSync(join(root, name), join(folder, name));
      mkdirSync(join(folder, "data/input"), { recursive: true });
      cpSync(join(root, "data/sample"), join(folder, "data/sample"), { recursive: true });
      copyTiny("bert", join(folder, "models/readability-minilm"));
      const rows = Array.from({ length: 60 }, (_, i) => `${i},the cat sat on mat ${i} ${"at ".repeat(i % 7)},${(i % 10) / 5 - 1}`);
      const csv = strToU8(`id,excerpt,target\n${rows.join("\n")}\n`);
      writeFileSync(join(folder, "data/input/train.csv.zip"), zipSync({ "train.csv": csv }));
      writeRepository(join(folder, "repository"));
      api = startCommand(["api", "--repository", "repository", "--port", "0"], { folder });
      address = await waitForAddress(api);
    });
    afterAll(async () => {
      api.child.kill();
      await api.finished;
      rmSync(folder, { recursive: true });
    });

    const runs = Object.entries(commands).flatMap(([command, check]) => (check === "only checked" ? [] : [{ command, ...check }]));
    it.each(runs)("$command", async ({ command, prints }) => {
      const shell = command.replace("http://localhost:5000", address);
      const { stdout } = await promisify(execFile)("sh", ["-c", shell], { cwd: folder, env });
      expect(stdout).toMatch(prints);
    });
  });
});

/** Every fenced block, with the word after its fence. */
function listBlocks(text: string) {
  return [...text.matchAll(/^ *```(.*)\n([\s\S]*?)^ *```$/gm)].map(([, kind, body]) => ({ kind: kind!, body: body! }));
}

/** The lines of `sh` blocks and the prompts of `console` blocks, without comments. */
function listCommands(text: string): string[] {
  return listBlocks(text).flatMap(({ kind, body }) => {
    const lines = body.split("\n").map((line) => line.replace(/\s+# .*$/, "").trim());
    if (kind === "console") return lines.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
    return kind === "sh" ? lines.filter((line) => line !== "") : [];
  });
}

/** What follows a heading, up to the next one of its level. */
function sectionOf(text: string, title: string): string {
  return text
    .split(/^## /m)
    .find((section) => section.startsWith(`${title}\n`))!
    .slice(title.length);
}

/** Anchors of a page's headings, as GitHub makes them. */
function listAnchors(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading!.toLowerCase());
  return headings.map((heading) => heading.replace(/[^\w\s-]/g, "").replace(/\s/g, "-"));
}

/** Which folder of lib may import which, from the overrides of biome.json. */
function listImports(): { readonly from: string; readonly to: string }[] {
  const { overrides } = JSON.parse(read("biome.json")) as { overrides: { includes: string[] }[] };
  return overrides.flatMap((override) => {
    const from = /^lib\/(\w+)\/\*\*$/.exec(override.includes[0]!)?.[1];
    const allowed = [...JSON.stringify(override).matchAll(/"!\.\.\/(\w+)\/\*\*"/g)].map(([, to]) => to!);
    return from === undefined ? [] : allowed.map((to) => ({ from, to }));
  });
}

/** Words of a command, as the shell splits them. */
function splitWords(command: string): string[] {
  return command.match(/'[^']*'|"[^"]*"|\S+/g)!.map((word) => word.replace(/^(['"])(.*)\1$/, "$2"));
}

/** Throws if a program's script, file or flag does not exist. */
async function checkPart([program, ...words]: string[]): Promise<void> {
  const [first, ...rest] = words;
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  if (program === "npm" && first === "ci") expect(existsSync(join(root, "package-lock.json"))).toBe(true);
  else if (program === "npm") expect(scripts).toHaveProperty([first === "run" ? rest[0]! : first!]);
  else if (program === "npx" && first === "vitest") expect(existsSync(join(root, rest[1]!))).toBe(true);
  else if (program === "npx" && first === "readability") await checkFlags(rest);
  else if (program === "node" && first === "dist/cli.js") await checkFlags(rest);
  else if (program === "docker" || program === "kubectl") checkDeployment(words);
  else if (program?.startsWith(".")) expect(existsSync(join(root, program))).toBe(true);
  else expect(["curl", "echo", "head", "printf", "cut", "sha256sum", "key=$(openssl"]).toContain(program); // these run
}

/** Throws if a file that docker or kubectl reads, or a resource that kubectl names, does not exist. */
function checkDeployment(words: readonly string[]): void {
  for (const [i, flag] of words.entries()) if (flag === "-f" || flag === "-k") expect(existsSync(join(root, words[i + 1]!))).toBe(true);
  const place = join(root, "deploy/kubernetes");
  const manifests = readdirSync(place, { recursive: true }).filter((name) => String(name).endsWith(".yaml"));
  const names = manifests.flatMap((name) => readFileSync(join(place, String(name)), "utf8").match(/(?<=^ {2}name: )\S+/gm) ?? []);
  const named = words.flatMap((word) => /^(?:\w+\/)?(readability-(?!scoring)[a-z-]+)/.exec(word)?.[1] ?? []);
  expect(names).toEqual(expect.arrayContaining(named));
  const tag = words[words.indexOf("-t") + 1]!;
  if (words.includes("-t")) expect(tag).toBe(`readability-scoring:${(JSON.parse(read("package.json")) as { version: string }).version}`);
}

/** @throws usage where the command does not know a flag, or refuses its value */
async function checkFlags([command, ...argv]: string[]): Promise<void> {
  const folder = ["services", "commands"].find((place) => existsSync(join(root, place, command!)));
  const table = join(root, folder!, command!, "options.ts");
  const { options } = existsSync(table) ? ((await import(table)) as { options: Options }) : { options: {} };
  parseOptions(command!, options, argv, {}, command === "score" ? ["<file...>"] : []);
}

it("every file that a command of README reads comes with a checkout, but for the labelled passages", () => {
  const { files } = JSON.parse(read("package.json")) as { files: string[] };
  const named = listCommands(read("README.md")).flatMap((command) => command.match(/\b(data|models)\/\S+/g) ?? []);
  expect(named).toContain("data/sample/letter.txt");
  expect(named.filter((file) => !existsSync(join(root, file)) || !files.some((folder) => file.startsWith(folder)))).toEqual([]);
});

it("README shows the scores that the released model gives, on this processor to four digits", async () => {
  const [, table, lines] = /^\$ npx .*letter\.txt --format table\n((?:.*\n){2})\$ npx .*passages\.csv.*\n((?:\{.*\}\n)+)/m.exec(
    read("README.md"),
  )!;
  const score = async (...argv: string[]) => {
    const model = ["--model", "models/readability-minilm"];
    return (await promisify(execFile)("node", ["readability.mjs", "score", ...argv, ...model], { cwd: root })).stdout;
  };
  const scores = (text: string) => text.trim().split("\n").map((line) => (JSON.parse(line) as { score: number }).score); // biome-ignore format: one line
  const expected = scores(lines!);
  const found = scores(await score("data/sample/passages.csv"));
  expect(found.slice(0, expected.length)).toEqual(expected.map((score) => expect.closeTo(score, 4)));
  expect(await score("data/sample/letter.txt", "--format", "table")).toMatch(table!);
});
