import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { type ModelVersion, readNewestVersion } from "../lib/repository/repository.js";
import type { Child } from "../lib/system/child.js";
import { compiled } from "../lib/system/package-files.js";
import type { Supervisor } from "../lib/system/supervisor.js";
import { type Expected, type FaultLoad, runFaultLoad, type Tally } from "./fault-load.js";
import { broken, publishChanged, serveFloat32 } from "./publish.js";
import { createServers, type Serving, startApi, startInference } from "./servers.js";

/** The inputs of a scenario. Each scenario has its own repository. */
interface Site extends Serving, Pick<FaultLoad, "clients" | "seconds"> {
  /** Texts with their scores by the repository's version and by its float32 graph. */
  readonly texts: readonly Expected[];
}

export interface Outcome {
  readonly tally: Tally;
  /** What was done to the servers: "58 threads ended". */
  readonly done: string;
  /** Why the scenario proves nothing, if so. */
  readonly problem?: string;
}

type Run = (site: Site, servers: Supervisor) => Promise<Outcome>;

/** Puts load on an api and injects faults meanwhile. */
type Act = (site: Site, address: string) => Promise<Outcome>;

const alone =
  (act: Act): Run =>
  async (site, servers) =>
    act(site, await startApi(servers, site));

const behindInference =
  (act: Act): Run =>
  async (site, servers) =>
    act(site, await startApi(servers, site, { inference: await startInference(servers, site) }));

export const scenarios: Readonly<Record<string, { readonly name: string; readonly run: Run }>> = {
  threads: { name: "a worker thread ended every second", run: endThreads },
  kill: { name: "inference server killed (-9) every 10 s, api before it", run: endInference("SIGKILL") },
  reload: { name: "new version every 2 s, api", run: alone(publishVersions) },
  "reload-inference": { name: "new version every 2 s, api and inference", run: behindInference(publishVersions) },
  broken: { name: "broken version every 2 s, api", run: alone(publishBroken) },
  "broken-inference": { name: "broken version every 2 s, api and inference", run: behindInference(publishBroken) },
  leave: { name: "a third of the clients go away, api", run: alone(leave) },
  "leave-inference": { name: "a third of the clients go away, api and inference", run: behindInference(leave) },
  term: { name: "api told to end (SIGTERM) every 10 s", run: endApi },
  "term-inference": { name: "inference server told to end (SIGTERM) every 10 s, api before it", run: endInference("SIGTERM") },
};

/** Runs a scenario on servers of its own, which restart when they end. */
export async function runScenario(run: Run, site: Site): Promise<Outcome> {
  const servers = createServers(site.signal, true);
  try {
    return await run(site, servers);
  } finally {
    await servers.stop();
  }
}

const secondsBetweenSignals = 10;
const secondsBetweenVersions = 2;

/** Acts every `seconds` while the load runs. @returns the load's result, and how often it acted */
async function meanwhile(load: Promise<Tally>, seconds: number, act: () => boolean) {
  let times = 0;
  const timer = setInterval(() => {
    if (act()) times++;
  }, 1000 * seconds);
  try {
    return { tally: await load, times };
  } finally {
    clearInterval(timer);
  }
}

/** The scores of the first version, for scenarios that serve no other. */
const ofFirst = (texts: readonly Expected[]) => texts.map(({ text, scores }) => ({ text, scores: scores.slice(0, 1) }));

async function endThreads(site: Site, servers: Supervisor): Promise<Outcome> {
  const nodeOptions = ["--import", pathToFileURL(compiled("bench/end-threads")).href];
  const address = await startApi(servers, site, { nodeOptions });
  const load = runFaultLoad({ ...site, address, texts: ofFirst(site.texts) });
  const { tally, times } = await meanwhile(load, 1, () => servers.child("api").process.send("end a thread"));
  return { tally, done: `${times} threads ended` };
}

/** A server that gets signals, and the times (of performance.now()) at which it was down because of them. */
function createVictim(child: () => Child) {
  const outages: { readonly from: number; until: number }[] = [];
  let away = false;
  return {
    onReady() {
      away = false;
      for (const outage of outages) outage.until = Math.min(outage.until, performance.now());
    },
    /** Sends a signal unless the server is down. @returns whether it did */
    signal(signal: "SIGKILL" | "SIGTERM"): boolean {
      if (away) return false;
      away = true;
      outages.push({ from: performance.now(), until: Number.POSITIVE_INFINITY });
      return child().process.kill(signal);
    },
    wasAway: (time: number) => outages.some(({ from, until }) => time >= from && time <= until),
  };
}

function endInference(signal: "SIGKILL" | "SIGTERM"): Run {
  return async (site, servers) => {
    const victim = createVictim(() => servers.child("inference"));
    const inference = await startInference(servers, site, victim);
    const address = await startApi(servers, site, { inference });
    const load = runFaultLoad({ ...site, address, texts: ofFirst(site.texts) });
    const { tally, times } = await meanwhile(load, secondsBetweenSignals, () => victim.signal(signal));
    return { tally, done: `${times} times` };
  };
}

/** The api itself ends: requests sent before must be answered, later ones find nobody until it is back. */
async function endApi(site: Site, servers: Supervisor): Promise<Outcome> {
  const victim = createVictim(() => servers.child("api"));
  const address = await startApi(servers, site, victim);
  const accepted = (sent: number) => !victim.wasAway(sent);
  const load = runFaultLoad({ ...site, address, texts: ofFirst(site.texts), accepted });
  const { tally, times } = await meanwhile(load, secondsBetweenSignals, () => victim.signal("SIGTERM"));
  return { tally, done: `${times} times` };
}

async function publishVersions(site: Site, address: string): Promise<Outcome> {
  const first = readNewestVersion(site.repository);
  let published = 0;
  const { tally } = await meanwhile(runFaultLoad({ ...site, address }), secondsBetweenVersions, () => {
    publishChanged(site.repository, first, published++ % 2 === 0 ? serveFloat32 : () => {});
    return true;
  });
  const both = (tally.right[0] ?? 0) > 0 && (tally.right[1] ?? 0) > 0;
  const done = `${published} published, answers by quantized and float32 versions: ${tally.right[0] ?? 0} and ${tally.right[1] ?? 0}`;
  return { tally, done, ...(both ? {} : { problem: "no new version was served" }) };
}

async function publishBroken(site: Site, address: string): Promise<Outcome> {
  const first: ModelVersion = readNewestVersion(site.repository);
  const changes = Object.values(broken);
  const load = runFaultLoad({ ...site, address, texts: ofFirst(site.texts) });
  let published = 0;
  const { tally } = await meanwhile(load, secondsBetweenVersions, () => {
    publishChanged(site.repository, first, changes[published++ % changes.length]!);
    return true;
  });
  return { tally, done: `${published} published` };
}

async function leave(site: Site, address: string): Promise<Outcome> {
  const tally = await runFaultLoad({ ...site, address, texts: ofFirst(site.texts), leaving: 1 / 3 });
  await sleep(1000);
  const metrics = await (await fetch(`${address}/metrics`)).text();
  const inFlight = Number(/^readability_api_in_flight (\d+)$/m.exec(metrics)?.[1]) - 1; // this request
  return { tally, done: `${tally.left} went away`, ...(inFlight === 0 ? {} : { problem: `${inFlight} requests are still in the api` }) };
}
