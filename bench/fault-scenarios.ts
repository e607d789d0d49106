import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { findPort } from "../lib/http/listen.js";
import { type ModelVersion, readNewestVersion } from "../lib/repository/repository.js";
import { compiled } from "../lib/system/package-files.js";
import { type Attack, attack, type Expected, type Tally } from "./attack.js";
import { type Server, startServer } from "./processes.js";
import { broken, publishChanged, serveFloat32 } from "./publish.js";
import { addressOf, launchApi, launchInference, type Serving } from "./services.js";
import { supervise } from "./supervisor.js";

/** What a scenario is played with; the repository is its own. */
export interface Site extends Serving, Pick<Attack, "clients" | "seconds"> {
  /** Texts with their scores by the repository's version and by its float32 graph. */
  readonly texts: readonly Expected[];
}

export interface Outcome {
  readonly tally: Tally;
  /** What was done to the servers: "58 threads ended". */
  readonly done: string;
  /** Why the scenario shows nothing, where it does not. */
  readonly problem?: string;
}

export interface Scenario {
  readonly name: string;
  play(site: Site): Promise<Outcome>;
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  threads: { name: "a worker thread ended every second", play: endThreads },
  kill: { name: "inference server killed (-9) every 10 s, api before it", play: (site) => endInference(site, "SIGKILL") },
  reload: { name: "new version every 2 s, api", play: (site) => serveAlone(site, offerVersions) },
  "reload-inference": { name: "new version every 2 s, api and inference", play: (site) => serveThrough(site, offerVersions) },
  broken: { name: "broken version every 2 s, api", play: (site) => serveAlone(site, offerBroken) },
  "broken-inference": { name: "broken version every 2 s, api and inference", play: (site) => serveThrough(site, offerBroken) },
  leave: { name: "a third of the clients go away, api", play: (site) => serveAlone(site, leave) },
  "leave-inference": { name: "a third of the clients go away, api and inference", play: (site) => serveThrough(site, leave) },
  term: { name: "api told to end (SIGTERM) every 10 s", play: endApi },
  "term-inference": {
    name: "inference server told to end (SIGTERM) every 10 s, api before it",
    play: (site) => endInference(site, "SIGTERM"),
  },
};

const secondsBetweenKills = 10;
const secondsBetweenVersions = 2;

/** Does something again and again until the load is over. @returns what the load gave, and how often it was done */
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

/** The scores of the version alone, where no other is ever served. */
const ofFirst = (texts: readonly Expected[]) => texts.map(({ text, scores }) => ({ text, scores: scores.slice(0, 1) }));

async function endThreads(site: Site): Promise<Outcome> {
  const port = await findPort();
  const { args, ...launch } = launchApi(site, port);
  const server = await startServer({ ...launch, args: ["--import", pathToFileURL(compiled("bench/end-threads")).href, ...args] });
  try {
    const load = attack({ ...site, address: addressOf(port), texts: ofFirst(site.texts) });
    const { tally, times } = await meanwhile(load, 1, () => server.child.send("end a thread"));
    return { tally, done: `${times} threads ended` };
  } finally {
    await server.stop();
  }
}

async function endInference(site: Site, signal: "SIGKILL" | "SIGTERM"): Promise<Outcome> {
  const [inference, port] = [await findPort(), await findPort()];
  const supervised = await supervise(launchInference(site, inference));
  try {
    return await withServer(await startServer(launchApi(site, port, inference)), async () => {
      const load = attack({ ...site, address: addressOf(port), texts: ofFirst(site.texts) });
      const { tally, times } = await meanwhile(load, secondsBetweenKills, () => supervised.kill(signal));
      return { tally, done: `${times} times` };
    });
  } finally {
    await supervised.stop();
  }
}

/** The api itself ends: what it was sent before must be answered, what comes then finds nobody until it is back. */
async function endApi(site: Site): Promise<Outcome> {
  const port = await findPort();
  const supervised = await supervise(launchApi(site, port));
  try {
    const accepted = (sent: number) => !supervised.wasAway(sent);
    const load = attack({ ...site, address: addressOf(port), texts: ofFirst(site.texts), accepted });
    const { tally, times } = await meanwhile(load, secondsBetweenKills, () => supervised.kill("SIGTERM"));
    return { tally, done: `${times} times` };
  } finally {
    await supervised.stop();
  }
}

async function withServer<T>(server: Server, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } finally {
    await server.stop();
  }
}

type Play = (site: Site, address: string) => Promise<Outcome>;

async function serveAlone(site: Site, play: Play): Promise<Outcome> {
  const port = await findPort();
  return withServer(await startServer(launchApi(site, port)), () => play(site, addressOf(port)));
}

async function serveThrough(site: Site, play: Play): Promise<Outcome> {
  const [inference, port] = [await findPort(), await findPort()];
  return withServer(await startServer(launchInference(site, inference)), async () =>
    withServer(await startServer(launchApi(site, port, inference)), () => play(site, addressOf(port))),
  );
}

async function offerVersions(site: Site, address: string): Promise<Outcome> {
  const first = readNewestVersion(site.repository);
  let published = 0;
  const { tally } = await meanwhile(attack({ ...site, address }), secondsBetweenVersions, () => {
    publishChanged(site.repository, first, published++ % 2 === 0 ? serveFloat32 : () => {});
    return true;
  });
  const both = (tally.right[0] ?? 0) > 0 && (tally.right[1] ?? 0) > 0;
  const done = `${published} published, answers by quantized and float32 versions: ${tally.right[0] ?? 0} and ${tally.right[1] ?? 0}`;
  return { tally, done, ...(both ? {} : { problem: "no new version was served" }) };
}

async function offerBroken(site: Site, address: string): Promise<Outcome> {
  const first: ModelVersion = readNewestVersion(site.repository);
  const changes = Object.values(broken);
  const load = attack({ ...site, address, texts: ofFirst(site.texts) });
  let offered = 0;
  const { tally } = await meanwhile(load, secondsBetweenVersions, () => {
    publishChanged(site.repository, first, changes[offered++ % changes.length]!);
    return true;
  });
  return { tally, done: `${offered} offered` };
}

async function leave(site: Site, address: string): Promise<Outcome> {
  const tally = await attack({ ...site, address, texts: ofFirst(site.texts), leaving: 1 / 3 });
  await sleep(1000);
  const metrics = await (await fetch(`${address}/metrics`)).text();
  const inFlight = Number(/^readability_api_in_flight (\d+)$/m.exec(metrics)?.[1]) - 1; // this request itself
  return { tally, done: `${tally.left} went away`, ...(inFlight === 0 ? {} : { problem: `${inFlight} requests are still in the api` }) };
}
