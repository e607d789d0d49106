import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { splitArguments } from "../commands/up/arguments.js";
import { options as own } from "../commands/up/options.js";
import { parseOptions } from "../lib/cli/options.js";
import { shipped } from "../lib/system/package-files.js";
import { options as api } from "../services/api/options.js";
import { options as optimization } from "../services/optimization/options.js";
import { options as train } from "../services/train/options.js";
import { writeRepository } from "./repositories.js";

type Labels = Readonly<Record<string, string>>;

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
  readonly securityContext: object;
  readonly resources: Readonly<Record<"requests" | "limits", Readonly<Record<string, string | number>>>>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

interface PodSpec {
  readonly enableServiceLinks: boolean;
  readonly automountServiceAccountToken: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext: object;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly persistentVolumeClaim?: { readonly claimName: string } }[];
}

/** The fields that these tests read, of every kind. */
interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels };
  // biome-ignore lint/suspicious/noExplicitAny: each kind has fields of its own
  readonly spec: any;
}

const place = shipped("deploy/kubernetes");
const { version } = JSON.parse(readFileSync(shipped("package.json"), "utf8")) as { version: string };
const readAll = (text: string): Resource[] => parseAllDocuments(text).map((document) => document.toJS() as Resource);
const runs = (program: string, ...argv: string[]) => spawnSync(program, argv).status === 0;

const kustomize = runs("kustomize", "version") ? ["kustomize", "build"] : runs("kubectl", "version", "--client") ? ["kubectl", "kustomize"] : undefined; // biome-ignore format: one line
const validator = process.env.KUBERNETES_VALIDATE ?? "kubernetes-validate";
const canValidate = runs(validator, "--version");

const folder = mkdtempSync(join(tmpdir(), "manifests-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The manifests of an overlay as they are, or with the component that its comment offers. */
function build(overlay: string, withComponent = false): Resource[] {
  const copy = join(folder, `${overlay}-${withComponent}`);
  cpSync(place, copy, { recursive: true });
  const file = join(copy, "overlays", overlay, "kustomization.yaml");
  const text = readFileSync(file, "utf8");
  const changed = text.replace(/^# (components:| {2}- )/gm, "$1");
  expect(changed).not.toBe(text);
  if (withComponent) writeFileSync(file, changed);
  const [program, command] = kustomize!;
  return readAll(execFileSync(program!, [command!, join(copy, "overlays", overlay)], { encoding: "utf8" }));
}

const base = (parse(readFileSync(join(place, "base/kustomization.yaml"), "utf8")) as { resources: string[] }).resources
  .map((name) => join(place, "base", name))
  .concat(join(place, "volume-pod.yaml"))
  .flatMap((file) => readAll(readFileSync(file, "utf8")));
const overlays = readdirSync(join(place, "overlays"));
const rendered = kustomize
  ? overlays.flatMap((name) =>
      [false, true].map((whether) => [`${name}${whether ? ", by queue time" : ""}`, build(name, whether)] as const),
    )
  : [];
const find = (resources: readonly Resource[], kind: string, name: string) =>
  resources.find((resource) => resource.kind === kind && resource.metadata.name === name);
const built = (name: string) => rendered.find(([other]) => other === name)![1];

interface Pod {
  readonly owner: Resource;
  readonly labels: Labels;
  readonly spec: PodSpec;
}

const listPods = (resources: readonly Resource[]): Pod[] =>
  resources.flatMap((owner) => {
    if (owner.kind === "Pod") return [{ owner, labels: owner.metadata.labels!, spec: owner.spec as PodSpec }];
    const template = owner.spec?.template as { metadata: { labels: Labels }; spec: PodSpec } | undefined;
    return template ? [{ owner, labels: template.metadata.labels, spec: template.spec }] : [];
  });
const containersOf = ({ spec }: Pod) => [...(spec.initContainers ?? []), ...spec.containers];
const matches = (selector: Labels, labels: Labels) => Object.entries(selector).every(([name, value]) => labels[name] === value);
const portsOf = (pod: Pod) => pod.spec.containers.flatMap(({ ports = [] }) => ports);
/** Seconds of a container's preStop pause. */
const pauseOf = ({ lifecycle }: Container) => Number(lifecycle?.preStop.exec.command[1] ?? 0);

it("are built by kustomize in CI", () => {
  if (process.env.CI && runs("go", "version")) expect(kustomize).toBeDefined();
});

describe.each([["base", base] as const, ...rendered])("%s", (title, resources) => {
  const pods = listPods(resources);
  const select = (selector: Labels) => pods.filter(({ labels }) => matches(selector, labels));

  it.each(pods.map((pod) => [pod.owner.metadata.name, pod] as const))("%s runs with the fewest privileges", (_, pod) => {
    expect(pod.spec).toMatchObject({ enableServiceLinks: false, automountServiceAccountToken: false });
    const user = { runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 };
    expect(pod.spec.securityContext).toMatchObject({ ...user, seccompProfile: { type: "RuntimeDefault" } });
    for (const { securityContext } of containersOf(pod))
      expect(securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } });
  });

  it("every container has bounded resources, and every server whole cores", () => {
    for (const { resources } of pods.flatMap(containersOf))
      for (const what of ["cpu", "memory"]) expect(Object.keys(resources.limits)).toContain(what);
    for (const { resources } of pods.filter(({ owner }) => owner.kind !== "Pod").flatMap(({ spec }) => spec.containers))
      expect(resources.limits.cpu).toMatch(/^\d+$/);
  });

  it("volumes and claims exist", () => {
    for (const pod of pods) {
      const names = pod.spec.volumes.map(({ name }) => name);
      for (const { volumeMounts } of containersOf(pod)) for (const { name } of volumeMounts) expect(names).toContain(name);
      for (const { persistentVolumeClaim: claim } of pod.spec.volumes)
        if (claim) expect(find(resources, "PersistentVolumeClaim", claim.claimName)).toBeDefined();
    }
  });

  it("selectors find pods, and ports their containers", () => {
    const kinds = (...names: string[]) => resources.filter(({ kind }) => names.includes(kind));
    for (const { spec } of kinds("Deployment")) expect(matches(spec.selector.matchLabels, spec.template.metadata.labels)).toBe(true);
    for (const { spec } of kinds("PodDisruptionBudget")) expect(select(spec.selector.matchLabels)).toHaveLength(1);
    for (const { spec } of kinds("Service")) {
      const [pod, ...others] = select(spec.selector);
      expect(others).toEqual([]);
      for (const { targetPort } of spec.ports) expect(portsOf(pod!).map(({ name }) => name)).toContain(targetPort);
    }
    for (const { spec } of kinds("NetworkPolicy")) {
      const selected = select(spec.podSelector.matchLabels);
      expect(selected).not.toEqual([]);
      for (const { from = [], ports = [] } of spec.ingress ?? []) {
        for (const { port } of ports) for (const pod of selected) expect(portsOf(pod).map(({ name }) => name)).toContain(port);
        for (const { podSelector, namespaceSelector } of from)
          if (!namespaceSelector) expect(select(podSelector.matchLabels)).not.toEqual([]);
      }
      for (const { to = [], ports = [] } of spec.egress ?? [])
        for (const { podSelector } of to)
          for (const { port } of ports)
            expect(
              select(podSelector.matchLabels)
                .flatMap(portsOf)
                .map(({ name }) => name),
            ).toContain(port);
    }
    for (const { spec } of kinds("HorizontalPodAutoscaler")) {
      const target = find(resources, spec.scaleTargetRef.kind, spec.scaleTargetRef.name);
      expect(target).toMatchObject({ apiVersion: spec.scaleTargetRef.apiVersion });
      expect(target!.spec).not.toHaveProperty("replicas"); // applying the manifests would undo the autoscaler's number
    }
  });

  const servers = pods
    .filter(({ owner }) => owner.kind === "Deployment")
    .flatMap((pod) => pod.spec.containers.map((one) => ({ pod, one })));

  it.each(servers.map(({ pod, one }) => [one.name, pod, one] as const))("%s has probes that fit, and time to stop", (name, pod, one) => {
    const { startupProbe: startup, livenessProbe: liveness, readinessProbe: readiness, ports } = one;
    const paths = name === "api" ? ["/alive", "/alive", "/ready"] : ["live", "live"].map((what) => `/v2/health/${what}`).concat("/v2/models/readability/ready"); // biome-ignore format: one line
    expect([startup, liveness, readiness].map((probe) => probe!.httpGet.path)).toEqual(paths);
    for (const probe of [startup, liveness, readiness]) expect(ports!.map(({ name }) => name)).toContain(probe!.httpGet.port);
    expect(startup!.periodSeconds * startup!.failureThreshold).toBeGreaterThanOrEqual(300);
    const settings = name === "api" ? parseOptions("api", api, one.args!.slice(1)) : { shutdownDelay: pauseOf(one), timeout: 30_000 };
    const noticed = 10; // seconds until every node knows that a pod ends
    expect(settings.shutdownDelay).toBeGreaterThan(noticed);
    expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThan(settings.shutdownDelay + settings.timeout / 1000);
    if (name === "api") expect(ports).toEqual([{ name: "http", containerPort: parseOptions("api", api, []).port }]);
  });

  it("servers only read the volume, and ask servers that exist", () => {
    for (const { pod } of servers)
      for (const { volumeMounts } of containersOf(pod))
        for (const { name, readOnly } of volumeMounts) if (name === "artifacts") expect(readOnly).toBe(true);
    const address = servers.flatMap(({ one }) => one.env ?? []).find(({ name }) => name === "READABILITY_API_INFERENCE")?.value;
    expect(address !== undefined).toBe(title.startsWith("gpu"));
    if (address === undefined) return;
    const { hostname, port } = new URL(address);
    expect(find(resources, "Service", hostname)!.spec.ports).toContainEqual(expect.objectContaining({ port: Number(port) }));
  });

  it("containers of ours have the version's tag, arguments that their commands take, and JSON logs", () => {
    const ours = pods.flatMap(containersOf).filter(({ image }) => image.startsWith("readability-scoring"));
    expect(new Set(ours.map(({ image }) => image))).toEqual(new Set([`readability-scoring:${version}`]));
    const run = ours.filter(({ command }) => command === undefined);
    expect(run.map(({ name }) => name).sort()).toEqual(["api", "optimization", "train"]);
    for (const { args, env } of run) {
      const [command, ...argv] = args!;
      if (command === "up") splitArguments({ own, train, optimization }, argv);
      else parseOptions("api", api, argv);
      expect(env).toContainEqual({ name: "READABILITY_LOG_FORMAT", value: "json" });
    }
  });

  it.skipIf(!canValidate)("matches the schemas of Kubernetes (if kubernetes-validate is installed)", () => {
    const file = join(folder, `${basename(title)}.yaml`);
    writeFileSync(file, resources.map((resource) => JSON.stringify(resource)).join("\n---\n"));
    for (const release of ["1.29", "1.37"]) {
      const { status, stdout, stderr } = spawnSync(validator, ["--strict", "--quiet", "-k", release, file], { encoding: "utf8" });
      expect(status, stdout + stderr).toBe(0);
    }
  });
});

it("servers wait until the repository has a complete version", () => {
  const command = listPods(base).flatMap(containersOf).find(({ name }) => name === "wait-for-model")!.command!; // biome-ignore format: one line
  const wait = (cwd: string) => spawnSync("sh", ["-c", command[2]!.replace("sleep 2", "exit 9")], { cwd }).status;
  const cwd = mkdtempSync(join(folder, "wait-"));
  expect(wait(cwd)).toBe(9);
  writeRepository(join(cwd, "artifacts/repository"));
  expect(wait(cwd)).toBe(0);
});

describe.skipIf(!kustomize)("overlays (if kustomize or kubectl is installed)", () => {
  const api = (resources: readonly Resource[]) => find(resources, "Deployment", "readability-api")!.spec.template.spec.containers[0];

  it("the job measures layouts for as many cores as the api has", () => {
    const resources = built("cpu-embedded");
    const [job] = find(resources, "Job", "readability-build")!.spec.template.spec.containers;
    expect(api(resources).resources.limits.cpu).toBe(job.resources.limits.cpu);
  });

  it("Triton is the one of compose.yaml, and gets a version for GPUs", () => {
    const resources = built("gpu-triton");
    const [triton] = find(resources, "Deployment", "readability-inference")!.spec.template.spec.containers;
    const { services } = parse(readFileSync(shipped("compose.yaml"), "utf8"), { merge: true });
    expect(triton.image).toBe(services.inference.image);
    expect(triton.command.slice(2)).toEqual(services.inference.command.slice(2));
    expect(triton.resources.limits).toHaveProperty(["nvidia.com/gpu"]);
    const [job] = find(resources, "Job", "readability-build")!.spec.template.spec.containers;
    expect(job.args.slice(-2)).toEqual(["--optimization-target", "gpu"]);
  });

  it("scale by CPU, or by queue time with the component", () => {
    const metrics = (name: string, target: string) => find(built(name), "HorizontalPodAutoscaler", target)?.spec.metrics;
    expect(metrics("cpu-embedded", "readability-api")).toMatchObject([{ type: "Resource", resource: { name: "cpu" } }]);
    const byQueue = (name: string) => [{ type: "Pods", pods: { metric: { name } } }];
    expect(metrics("cpu-embedded, by queue time", "readability-api")).toMatchObject(byQueue("readability_api_queue_seconds"));
    expect(metrics("gpu-triton", "readability-inference")).toBeUndefined();
    expect(metrics("gpu-triton, by queue time", "readability-inference")).toMatchObject(byQueue("nv_inference_queue_duration_us"));
  });
});
