import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { findPort } from "../lib/http/listen.js";
import { startChild } from "../lib/system/child.js";
import { shipped } from "../lib/system/package-files.js";
import { type Running, startCommand, waitForAddress } from "./commands.js";
import type { InferenceServer } from "./inference-server.js";
import { writeRepository } from "./repositories.js";
import { servers } from "./servers.js";
import { startTriton } from "./triton.js";

const read = (file: string) => readFileSync(shipped(`deploy/${file}`), "utf8");

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}
interface Rule {
  readonly alert: string;
  readonly expr: string;
}
interface AdapterRule {
  readonly seriesQuery: string;
  readonly name: { readonly as: string };
  readonly metricsQuery: string;
}

const { panels } = JSON.parse(read("grafana/dashboard.json")) as { panels: readonly Panel[] };
const { groups } = parse(read("prometheus/alerts.yml")) as { groups: readonly { readonly rules: readonly Rule[] }[] };
const adapterRules = parse(read("prometheus/adapter.yaml")) as readonly AdapterRule[];
interface PrometheusConfig {
  readonly scrape_configs: readonly { readonly job_name: string; readonly static_configs: { targets: readonly string[] }[] }[];
}

/** Queries by what asks them, with a window in the place of Grafana's, and jobs in the place of pods. */
const ofPanels = panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => [`panel "${title}"`, expr.replaceAll("$__rate_interval", "1m")] as const),
);
const ofRules = groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => [alert, expr] as const));
const ofAdapter = adapterRules.map(
  ({ name, metricsQuery }) =>
    [
      `adapter, ${name.as}`,
      metricsQuery.replaceAll("<<.GroupBy>>", "job").replaceAll("<<.LabelMatchers>>", 'job=~".+"').replaceAll("[2m]", "[1m]"),
    ] as const,
);
const queries = [...ofPanels, ...ofRules, ...ofAdapter];

/** Metrics that a query names, each with the labels of its matchers. */
function listMetrics(query: string): readonly { readonly name: string; readonly labels: readonly string[] }[] {
  const bare = query.replace(/"[^"]*"|\[[^\]]*\]|\b(by|without|on|ignoring) \([^)]*\)|\b(and|or|unless|bool)\b/g, "");
  // A name that is no number's exponent and no function; labels go with their metric.
  return [...bare.matchAll(/(?<![\w:.])([a-z_:][\w:]*)(\{[^}]*\})?(?![\w:{]|\s*\()/gi)].map(([, name, matchers = ""]) => ({
    name: name!,
    labels: [...matchers.matchAll(/(\w+)\s*[=!]/g)].map(([, label]) => label!),
  }));
}

it("finds the metrics of a query", () => {
  const query = 'sum by (le, route) (rate(a_b{x="y{z", w!~"b|c"}[5m])) / clamp_min(d_total, 1e-9) or vector(0) > 0.5';
  expect(listMetrics(query)).toEqual([
    { name: "a_b", labels: ["x", "w"] },
    { name: "d_total", labels: [] },
  ]);
});

it("autoscalers ask for what the adapter makes, which is named after the metrics that it reads", () => {
  const made = adapterRules.map(({ name }) => name.as);
  const asked = ["queue-time-api/kustomization.yaml", "queue-time-inference/autoscaler.yaml"].map(
    (file) => /metric:\s+name: (\w+)/.exec(read(`kubernetes/components/${file}`))![1]!,
  );
  expect(asked).toEqual(made);
  for (const { seriesQuery, name, metricsQuery } of adapterRules) {
    const [series] = listMetrics(seriesQuery);
    expect([name.as, `${name.as}_sum`]).toContain(series!.name);
    expect(listMetrics(metricsQuery).map((metric) => metric.name)).toContain(series!.name);
  }
});

it("pods tell Prometheus the ports and paths of their metrics", () => {
  const files = ["base/api.yaml", "overlays/gpu-triton/inference.yaml"];
  const pods = files.map((file) => parseAllDocuments(read(`kubernetes/${file}`))[0]!.toJS().spec.template);
  for (const { metadata, spec } of pods) {
    const { annotations: asked } = metadata as { annotations: Record<string, string> };
    const ports = spec.containers[0].ports.map(({ containerPort }: { containerPort: number }) => String(containerPort));
    expect(ports).toContain(asked["prometheus.io/port"]);
    expect(asked["prometheus.io/path"]).toBe("/metrics");
  }
});

it("docs/operating.md says what to do on every alert", () => {
  const rows = [...readFileSync(shipped("docs/operating.md"), "utf8").matchAll(/^\| `(Readability\w+)` \|/gm)].map(([, name]) => name);
  expect(rows).toEqual(ofRules.map(([name]) => name));
});

const installed = (program: string) => spawnSync(program, ["--version"]).status === 0;

describe.each(servers.filter(({ skipped }) => !skipped))("with $name", ({ start }) => {
  let folder: string;
  let inference: InferenceServer;
  let api: Running;
  /** host:port of each job's /metrics. */
  const targets: Record<string, string> = {};
  /** Labels of the metrics that the services have. */
  const real = new Map<string, Set<string>>([["up", new Set(["job", "instance"])]]);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "monitoring-"));
    const repository = join(folder, "repository");
    writeRepository(repository);
    inference = await start(repository);
    api = startCommand(["api", "--repository", repository, "--inference", inference.url, "--port", "0", "--cache-size", "10"]);
    targets.inference = new URL(inference.metrics).host;
    targets.api = new URL(await waitForAddress(api)).host;
    for (const text of ["the cat sat", "the cat sat", "a mat"]) await predict(text);
    for (const target of Object.values(targets)) {
      const text = await (await fetch(`http://${target}/metrics`)).text();
      for (const [, name, labels = ""] of text.matchAll(/^(\w+)(\{.*\})? /gm)) {
        const known = real.get(name!) ?? new Set(["job", "instance", "namespace", "pod"]);
        for (const [, label] of labels.matchAll(/(\w+)="/g)) known.add(label!);
        real.set(name!, known);
      }
    }
  });
  afterAll(async () => {
    api.child.kill("SIGKILL");
    await api.finished;
    await inference.stop();
    rmSync(folder, { recursive: true });
  });

  async function predict(text: string): Promise<void> {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`http://${targets.api}/predict`, { method: "POST", headers, body: JSON.stringify({ text }) });
    expect(answer.status).toBe(200);
  }

  it.each(queries)("%s asks for metrics and labels that the services have: %s", (_, query) => {
    const metrics = listMetrics(query);
    expect(metrics).not.toEqual([]);
    for (const { name, labels } of metrics) {
      expect([...real.keys()]).toContain(name);
      expect([...real.get(name)!]).toEqual(expect.arrayContaining([...labels]));
    }
  });

  it.skipIf(!installed("prometheus"))(
    "Prometheus has data for every panel and every rule of the adapter (if it is installed)",
    { timeout: 120_000 },
    async () => {
      const { scrape_configs } = parse(read("prometheus/prometheus.yml")) as PrometheusConfig;
      for (const { job_name, static_configs } of scrape_configs) static_configs[0]!.targets = [targets[job_name]!];
      const file = join(folder, "prometheus.yml");
      writeFileSync(file, JSON.stringify({ global: { scrape_interval: "500ms", scrape_timeout: "500ms" }, scrape_configs })); // JSON is YAML
      const port = await findPort();
      const flags = { "config.file": file, "storage.tsdb.path": join(folder, "prometheus"), "web.listen-address": `127.0.0.1:${port}` };
      const prometheus = startChild(["prometheus", ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)]);
      try {
        let missing = [...ofPanels, ...ofAdapter];
        for (let i = 0; missing.length > 0 && i < 100; i++) {
          await predict(`the cat sat on mat ${i}`);
          await sleep(500);
          const found = await Promise.all(missing.map(([, query]) => hasData(port, query)));
          missing = missing.filter((_, at) => !found[at]);
        }
        expect(missing).toEqual([]);
      } finally {
        await prometheus.stop(10);
      }
    },
  );
});

it.skipIf(!installed("promtool")).each([
  ["check config", "prometheus.yml"],
  ["check rules", "alerts.yml"],
  ["test rules", "alerts.test.yml"],
])("promtool %s %s (if it is installed)", (command, file) => {
  const { status, stdout, stderr } = spawnSync("promtool", [...command.split(" "), shipped(`deploy/prometheus/${file}`)], {
    encoding: "utf8",
  });
  expect(status, stdout + stderr).toBe(0);
});

it.skipIf(process.env.TRITON_DIR === undefined)(
  "Triton is ready, by the probe of the manifests, while the newest version is broken",
  async () => {
    const repository = mkdtempSync(join(tmpdir(), "monitoring-"));
    writeRepository(repository);
    const triton = await startTriton(process.env.TRITON_DIR!, repository, { "model-control-mode": "poll", "repository-poll-secs": 1 });
    try {
      const { spec } = parseAllDocuments(read("kubernetes/overlays/gpu-triton/inference.yaml"))[0]!.toJS().spec.template;
      const ask = async (path: string) => (await fetch(triton.url + path)).status;
      const probe = () => ask(spec.containers[0].readinessProbe.httpGet.path);
      expect(await probe()).toBe(200);
      mkdirSync(join(repository, "readability/2"));
      writeFileSync(join(repository, "readability/2/model.onnx"), "broken");
      while ((await ask("/v2/health/ready")) === 200) await sleep(100);
      expect(await probe()).toBe(200);
    } finally {
      await triton.stop();
      rmSync(repository, { recursive: true });
    }
  },
);

/** Whether a query of Prometheus gives numbers; no if Prometheus does not answer yet. */
async function hasData(port: number, query: string): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`).catch(() => undefined);
  if (!answer?.ok) return false;
  const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
  return data.result.some(({ value }) => value[1] !== "NaN");
}
