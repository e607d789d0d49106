import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { readNewestVersion } from "../lib/repository/repository.js";
import type { Child } from "../lib/system/child.js";
import { compiled } from "../lib/system/package-files.js";
import type { Supervisor } from "../lib/system/supervisor.js";
import { type Expected, type FaultLoad, runFaultLoad, type Tally } from "./fault-load.js";
import { broken, type Change, publishChanged, serveFloat32 } from "./publish.js";
import { createServers, type Service, type Serving, startOurs } from "./servers.js";

/** What a scenario runs with; the repository is its own. */
interface Site extends Serving, Pick<FaultLoad, "clients" | "seconds"> {
  /** Texts with their scores by the repository's version and by its float32 graph. */
  readonly texts: readonly Expected[];
}

export interface Outcome {
  readonly tally: Tally;
  /** What was done to the servers: "58 threads ended". */
  readonly done: string;
  /** Why the scenario proves nothing, if so. */
  readonly problem: string | undefined;
}

/** A fault under load, on servers that restart when they end. */
interface Scenario {
  readonly name: string;
  /** Whether the api is behind an inference server. */
  readonly inference?: boolean;
  readonly load?: Partial<FaultLoad>;
  /** Causes the fault every so many seconds. */
  readonly every?: number;
  /** @returns a function that causes the fault, and returns whether it could */
  readonly fault?: (site: Site, servers: Supervisor, victim: Victim) => () => boolean;
  /** The server that the fault ends, by default the api, and the options of Node that it starts with. */
  readonly victim?: Service;
  readonly nodeOptions?: readonly string[];
  /** @param times how often the fault was caused */
  readonly describe: (times: number, tally: Tally) => string;
  readonly findProblem?: (tally: Tally, address: string) => Promise<string | undefined>;
}

const ends = (victim: Service, signal: "SIGKILL" | "SIGTERM") => ({
  victim,
  every: 10,
  fault:
    (_: Site, __: Supervisor, { end }: Victim) =>
    () =>
      end(signal),
  describe: (times: number) => `${times} times`,
});

const publishes = (changes: readonly Change[]) => ({
  every: 2,
  fault({ repository }: Site) {
    const first = readNewestVersion(repository);
    let published = 0;
    return () => {
      publishChanged(repository, first, changes[published++ % changes.length]!);
      return true;
    };
  },
  describe: (times: number) => `${times} published`,
});

const rightBy = ({ right }: Tally, version: number) => right[version] ?? 0;

const reloads = {
  ...publishes([serveFloat32, () => {}]),
  load: { versions: 2 },
  describe: (times: number, tally: Tally) =>
    `${times} published, answers by quantized and float32 versions: ${rightBy(tally, 0)} and ${rightBy(tally, 1)}`,
  findProblem: async (tally: Tally) => (rightBy(tally, 0) > 0 && rightBy(tally, 1) > 0 ? undefined : "no new version was served"),
};

const leaves = {
  load: { leaving: 1 / 3 },
  describe: (_: number, { left }: Tally) => `${left} went away`,
  async findProblem(_: Tally, address: string) {
    await sleep(1000);
    const metrics = await (await fetch(`${address}/metrics`)).text();
    const inFlight = Number(/^readability_api_in_flight (\d+)$/m.exec(metrics)?.[1]) - 1; // this request
    return inFlight === 0 ? undefined : `${inFlight} requests are still in the api`;
  },
};

export const scenarios: Readonly<Record<string, Scenario>> = {
  threads: {
    name: "a worker thread ended every second",
    nodeOptions: ["--import", pathToFileURL(compiled("bench/end-threads")).href],
    every: 1,
    fault: (_, servers) => () => servers.child("api").process.send("end a thread"),
    describe: (times) => `${times} threads ended`,
  },
  kill: { name: "inference server killed (-9) every 10 s, api before it", inference: true, ...ends("inference", "SIGKILL") },
  reload: { name: "new version every 2 s, api", ...reloads },
  "reload-inference": { name: "new version every 2 s, api and inference", inference: true, ...reloads },
  broken: { name: "broken version every 2 s, api", ...publishes(broken) },
  "broken-inference": { name: "broken version every 2 s, api and inference", inference: true, ...publishes(broken) },
  leave: { name: "a third of the clients go away, api", ...leaves },
  "leave-inference": { name: "a third of the clients go away, api and inference", inference: true, ...leaves },
  term: { name: "api told to end (SIGTERM) every 10 s", ...ends("api", "SIGTERM") },
  "term-inference": {
    name: "inference server told to end (SIGTERM) every 10 s, api before it",
    inference: true,
    ...ends("inference", "SIGTERM"),
  },
};

export async function runScenario(scenario: Scenario, site: Site): Promise<Outcome> {
  const { inference = false, load, every = site.seconds, fault, victim: service = "api", nodeOptions = [] } = scenario;
  const servers = createServers(site.signal, true);
  const victim = createVictim(() => servers.child(service));
  let timer: NodeJS.Timeout | undefined;
  try {
    const address = await startOurs(servers, site, inference, { [service]: { onReady: victim.onReady, nodeOptions } });
    const act = fault?.(site, servers, victim);
    let times = 0;
    timer = setInterval(() => {
      if (act?.()) times++;
    }, 1000 * every);
    // What an api has accepted must be answered. What is sent while it is away finds nobody.
    const accepted = (sent: number) => service !== "api" || !victim.wasAway(sent);
    const tally = await runFaultLoad({ ...site, ...load, address, accepted });
    return { tally, done: scenario.describe(times, tally), problem: await scenario.findProblem?.(tally, address) };
  } finally {
    clearInterval(timer);
    await servers.stop();
  }
}

type Victim = ReturnType<typeof createVictim>;

/** A server that is ended, and the times (of performance.now()) at which it was away because of that. */
function createVictim(child: () => Child) {
  const outages: { readonly from: number; until: number }[] = [];
  let away = false;
  return {
    onReady() {
      away = false;
      for (const outage of outages) outage.until = Math.min(outage.until, performance.now());
    },
    /** Sends a signal unless the server is away. @returns whether it did */
    end(signal: "SIGKILL" | "SIGTERM"): boolean {
      if (away) return false;
      away = true;
      outages.push({ from: performance.now(), until: Number.POSITIVE_INFINITY });
      return child().process.kill(signal);
    },
    wasAway: (time: number) => outages.some(({ from, until }) => time >= from && time <= until),
  };
}
