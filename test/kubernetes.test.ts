import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { formatFloat32 } from "../lib/math/float32.js";
import { loadTokenizer } from "../lib/text/tokenizer.js";
import { type Running, startCommand, waitForAddress } from "./commands.js";
import { meanScore } from "./graphs.js";
import { publishVersion } from "./repositories.js";

const text = "the cat sat";
const clients = 16;
/** Milliseconds between two probes of a pod, and until every node knows that a pod is ready or not. */
const probePeriod = 200;
const propagation = 700;
/** Seconds: a probe and the propagation, with room to spare. */
const shutdownDelay = "5";

/** What Kubernetes sets in every pod for Services named readability-api and readability-inference. */
const serviceVariables = Object.fromEntries(
  ["API", "INFERENCE"].flatMap((name) => [
    [`READABILITY_${name}_SERVICE_HOST`, "10.0.0.7"],
    [`READABILITY_${name}_SERVICE_PORT`, "5000"],
    [`READABILITY_${name}_PORT`, "tcp://10.0.0.7:5000"],
    [`READABILITY_${name}_PORT_5000_TCP`, "tcp://10.0.0.7:5000"],
  ]),
);

interface Pod {
  readonly address: string;
  readonly running: Running;
}

let folder: string;
let pods: Pod[] = [];
/** Addresses that clients use, as late as kube-proxy would have them. */
let endpoints: readonly string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kubernetes-"));
});
afterEach(() => {
  for (const { running } of pods) running.child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Mounts a release as git-sync and ConfigMaps do: a symlink that is replaced at once. */
function mount(release: string): void {
  symlinkSync(join("releases", release), join(folder, "..data_tmp"));
  renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
}

function release(version: number): number {
  const { folder: place } = publishVersion(join(folder, "releases", String(version)), version);
  return meanScore(loadTokenizer(place).encode(text), version);
}

async function startPod(): Promise<Pod> {
  const argv = ["api", "--repository", join(folder, "repository"), "--port", "0", "--repository-poll-secs", "0.2"];
  const running = startCommand([...argv, "--shutdown-delay", shutdownDelay], { env: serviceVariables });
  const pod = { address: await waitForAddress(running), running };
  pods.push(pod);
  return pod;
}

const isReady = ({ address }: Pod) =>
  fetch(`${address}/ready`).then(
    ({ ok }) => ok,
    () => false,
  );

it("no request fails while pods are replaced and the mounted model changes", { timeout: 120_000 }, async () => {
  mkdirSync(join(folder, "releases"));
  const scores = [release(1), release(2)];
  mount("1");
  symlinkSync("..data", join(folder, "repository"));
  await Promise.all([startPod(), startPod()]);
  endpoints = pods.map(({ address }) => address);

  const over = new AbortController();
  const probe = (async () => {
    while (!over.signal.aborted) {
      const ready = await Promise.all(pods.map(isReady));
      const next = pods.filter((_, i) => ready[i]).map(({ address }) => address);
      setTimeout(() => {
        endpoints = next;
      }, propagation);
      await sleep(probePeriod);
    }
  })();

  const answers = new Map<string, number>();
  const load = Array.from({ length: clients }, async (_, client) => {
    for (let i = client; !over.signal.aborted; i++) {
      const body = JSON.stringify({ text });
      const request = { method: "POST", headers: { "content-type": "application/json" }, body };
      const answer = await fetch(`${endpoints[i % endpoints.length]}/predict`, request).then(
        async (response) => `${response.status} ${await response.text()}`,
        (error: Error) => `${error.message}: ${error.cause}`,
      );
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
      await sleep(5);
    }
  });

  const answer = (score: number) => `200 [${JSON.stringify(text)},${formatFloat32(score)}]`;
  const right = scores.map(answer);
  const until = async (holds: () => boolean) => {
    while (!holds()) {
      expect(right).toEqual(expect.arrayContaining([...answers.keys()]));
      await sleep(20);
    }
  };
  await until(() => (answers.get(answer(scores[0]!)) ?? 0) > 100);
  mount("2");
  await until(() => (answers.get(answer(scores[1]!)) ?? 0) > 100);
  for (const old of [...pods]) {
    const { address } = await startPod();
    await until(() => endpoints.includes(address));
    old.running.child.kill("SIGTERM");
    expect(await old.running.finished).toMatchObject({ code: 0 });
    pods = pods.filter((pod) => pod !== old);
  }
  const served = answers.get(answer(scores[1]!))!;
  await until(() => answers.get(answer(scores[1]!))! > served + 100);
  over.abort();
  await Promise.all([...load, probe]);
  expect([...answers.keys()].sort()).toEqual(right.sort());
});
