import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseOptions } from "../lib/cli/options.js";
import { startChild } from "../lib/system/child.js";
import { compiled, shipped } from "../lib/system/package-files.js";
import { options as inferenceOptions } from "../services/inference/options.js";
import { canMount } from "./mounts.js";
import { copyTiny } from "./tiny-models.js";

const compose = readFileSync(shipped("compose.yaml"), "utf8");

interface Service {
  readonly command: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
}

const read = (text: string) => (parse(text, { merge: true }) as { services: Readonly<Record<string, Service>> }).services;
const services = ["train", "optimization", "inference", "api", "load_testing"];

/** compose.yaml without a service. */
const leaveOut = (service: string): string =>
  execFileSync(process.execPath, [shipped("test/compose/leave-out.mjs"), service], { input: compose, encoding: "utf8" });

describe("compose.yaml", () => {
  it("runs the five services in order", () => {
    const all = read(compose);
    expect(Object.keys(all)).toEqual(services);
    expect(services.map((name) => Object.keys(all[name]!.depends_on ?? {}))).toEqual([
      [],
      ["train"],
      ["optimization"],
      ["optimization", "inference"],
      ["api"],
    ]);
  });

  // Of the specification that docker-compose 1.29 knows.
  const known = "build command depends_on environment healthcheck image init ports read_only restart tmpfs volumes".split(" ");

  it.each(Object.entries(read(compose)))("%s has only keys that docker-compose 1.29 knows", (_, service) => {
    expect(Object.keys(service).filter((key) => !known.includes(key))).toEqual([]);
  });

  it.each(services)("without %s, nothing refers to it", (service) => {
    const left = read(leaveOut(service));
    expect(Object.keys(left)).toEqual(services.filter((name) => name !== service));
    for (const { depends_on: before = {} } of Object.values(left)) {
      expect(before).not.toBe(null);
      expect(Object.keys(before).filter((name) => !(name in left))).toEqual([]);
    }
  });

  it("without inference the api gets no address of it, and waits for the repository alone", () => {
    const { api } = read(leaveOut("inference"));
    expect(api!.environment).not.toHaveProperty("READABILITY_API_INFERENCE");
    expect(Object.keys(api!.depends_on!)).toEqual(["optimization"]);
    expect(api!.command).not.toContain("--inference");
  });

  it("mounts nothing of the checkout but the data, and lets every port on the host be changed", () => {
    const all = Object.values(read(compose));
    const mounted = all.flatMap(({ volumes = [] }) => volumes.filter((volume) => volume.startsWith(".")));
    expect(new Set(mounted)).toEqual(new Set(["./data/input:/app/data/input:ro"]));
    for (const port of all.flatMap(({ ports = [] }) => ports)) expect(port).toMatch(/^\$\{READABILITY_\w+_HOST_PORT:-(\d+)\}:\1$/);
  });
});

describe.each([
  ["compose.embedded.yaml", ["inference"]],
  ["compose.gpu.yaml", ["optimization", "inference"]],
  ["compose.monitoring.yaml", ["prometheus", "grafana"]],
])("%s", (file, changed) => {
  const text = readFileSync(shipped(file), "utf8");
  const override = read(text);

  it("changes only what it is for", () => expect(Object.keys(override)).toEqual(changed));

  it("says how to use it", () => expect(text).toContain(`docker compose -f compose.yaml -f ${file} `));

  it("mounts only files that exist, read-only", () => {
    for (const volume of Object.values(override).flatMap(({ volumes = [] }) => volumes.filter((one) => one.startsWith(".")))) {
      const [path, , mode] = volume.split(":");
      expect(existsSync(shipped(path!))).toBe(true);
      expect(mode).toBe("ro");
    }
  });

  it.skipIf(spawnSync("docker-compose", ["version"]).status !== 0)("merges with compose.yaml (if docker-compose is installed)", () => {
    const files = ["compose.yaml", file].flatMap((name) => ["--file", shipped(name)]);
    const merged = parse(execFileSync("docker-compose", [...files, "--profile", "monitoring", "config"], { encoding: "utf8" }));
    const added = changed.filter((name) => !services.includes(name));
    expect(Object.keys(merged.services).sort()).toEqual([...services, ...added].sort());
    for (const name of added) expect(merged.services[name].profiles).toEqual(["monitoring"]);
  });
});

it("our own inference server has the command that its options take, and the image's health check", () => {
  const { inference } = read(readFileSync(shipped("compose.embedded.yaml"), "utf8"));
  const [command, ...argv] = inference!.command;
  expect(command).toBe("inference");
  expect(parseOptions("inference", inferenceOptions, argv).port).toBe(8000);
});

describe("healthcheck.mjs", () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
  });

  const run = async (words: readonly string[], status: number, env: NodeJS.ProcessEnv = {}) => {
    const asked: string[] = [];
    server = createServer((request, response) => {
      asked.push(request.url!);
      response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
    const port = String((server.address() as AddressInfo).port);
    const file = join(folder, "cmdline");
    const command = ["/sbin/docker-init", "--", "node", "/app/dist/cli.js", ...words.map((word) => word.replace("PORT", port))];
    writeFileSync(file, command.map((word) => `${word}\0`).join(""));
    const variables = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value!.replace("PORT", port)]));
    const { code } = await startChild([process.execPath, shipped("healthcheck.mjs"), file], { env: variables }).exited;
    return [code, asked];
  };

  it.each([
    [["api", "--port", "PORT"], 200, [0, ["/ready"]]],
    [["api", "--port=PORT"], 503, [1, ["/ready"]]],
    [["inference", "--repository", "/r", "--port", "PORT"], 200, [0, ["/v2/health/ready"]]],
    [["train"], 503, [0, []]],
    [["up", "--only", "train"], 503, [0, []]],
  ] as const)("of %j", async (words, status, expected) => {
    expect(await run(words, status)).toEqual(expected);
  });

  it("reads the port's variable", async () => {
    expect(await run(["api"], 200, { READABILITY_API_PORT: "PORT" })).toEqual([0, ["/ready"]]);
  });
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "container-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const canUnshare = canMount() && spawnSync("unshare", ["--mount", "true"]).status === 0;

describe.skipIf(!canUnshare)("on a read-only root file system, but for the folder of a volume", () => {
  it.each([
    ["train", "train --data data.csv --base base --out VOLUME/model --max-steps 1 --max-length 16 --batch 4"],
    ["optimization", "optimization --model base --out VOLUME/repository --seconds .02 --rounds 1"],
    ["score", "score --model base data.csv"],
  ])("%s works", async (_, command) => {
    const [place, volume] = ["place", "volume"].map((name) => join(folder, name)) as [string, string];
    mkdirSync(place, { recursive: true });
    mkdirSync(volume, { recursive: true });
    copyTiny("bert", join(place, "base"));
    const rows = Array.from({ length: 40 }, (_, i) => `the cat sat on the mat ${i},${i / 10}`);
    writeFileSync(join(place, "data.csv"), ["excerpt,target", ...rows].join("\n"));
    cpSync(join(place, "data.csv"), join(place, "passages.csv"));
    const args = command.replace("VOLUME", volume);
    const script = `
      set -e
      mount -t tmpfs tmpfs ${volume}
      mount -o remount,bind,ro /
      for at in ${folder} /root /tmp; do ! touch $at/probe 2>/dev/null || { echo "$at is writable" >&2; exit 9; }; done
      exec ${process.execPath} ${compiled("cli")} ${args}`;
    const { code, lines } = await startChild(["unshare", "--mount", "sh", "-c", script], { cwd: place }).exited;
    expect(code, lines.join("\n")).toBe(0);
  });
});
