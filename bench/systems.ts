import { connectPredict } from "../lib/http/predict-client.js";
import { openModel } from "../lib/serving/model.js";
import { createScheduler } from "../lib/serving/scheduler.js";
import { scoreText } from "../lib/serving/score-text.js";
import { countCores } from "../lib/system/cores.js";
import type { Supervisor } from "../lib/system/supervisor.js";
import { createServers, type Serving, startOurs, startServer } from "./servers.js";
import type { Send } from "./throughput.js";

/** A system under test: something that scores texts. */
export interface System {
  readonly name: string;
  /** Whether it answers POST /predict; the engine alone does not. */
  readonly http: boolean;
  readonly ours: boolean;
  /** Tokens. Longer texts would be cut, so that it is not measured with them. */
  readonly longest?: number;
  open(setup: Setup): Promise<OpenSystem>;
}

/** A system that is ready, and idle unless it is sent texts. */
export interface OpenSystem {
  readonly send: Send;
  close(): Promise<void>;
}

export interface Setup extends Serving {
  /** The checkpoint of which the repository was made. */
  readonly model: string;
  readonly maxLength: number;
  /** Script and interpreter of the peers, and texts to calibrate those that need it. */
  readonly peers: string;
  readonly python: string;
  readonly data: string;
}

const cores = countCores();
/** Seconds; an answer from behind a slow server and a long queue takes a minute. */
const timeout = 120;

const openOurs = (behindInference: boolean) => (setup: Setup) => openHttp(setup, (servers) => startOurs(servers, setup, behindInference));

/** Ours, from the model alone to all that a client goes through. */
export const ours: readonly System[] = [
  { name: "ours: engine, no HTTP", http: false, ours: true, open: openEngine },
  { name: "ours: api", http: true, ours: true, open: openOurs(false) },
  { name: "ours: api and inference", http: true, ours: true, open: openOurs(true) },
];

/** What a user would serve with instead: settings of the peers' script, by their names in the tables. Each uses every core. */
const settings: readonly { readonly args: string; readonly longest?: number }[] = [
  { args: `ort-fp32 --pad 300 --threads ${cores}`, longest: 300 },
  { args: `ort-fp32 --engines ${cores} --threads 1` },
  { args: `ort-int8 --engines ${cores} --threads 1` },
  { args: `torch-fp32 --threads ${cores}` },
  { args: `torch-bf16 --max-batch 8 --threads ${cores}` },
  { args: `ov-auto --engines ${cores} --threads 1` },
  { args: `ov-fp32 --engines ${cores} --threads 1` },
  { args: `ov-int8 --engines ${cores} --threads 1` },
];

export const peers: readonly System[] = settings.map(({ args, ...rest }) => ({
  name: args,
  http: true,
  ours: false,
  ...rest,
  open: (setup) =>
    openHttp(setup, (servers) => {
      const { peers, python, model, data, maxLength, patience } = setup;
      const common = [python, peers, "--model", model, "--data", data, "--max-length", String(maxLength), "--engine", ...args.split(" ")];
      return startServer(servers, args, patience, "/alive", (port) => [...common, "--port", port]);
    }),
}));

async function openEngine({ repository }: Setup): Promise<OpenSystem> {
  const [model, scheduler] = [await openModel(repository), createScheduler()];
  return {
    send: async (text) => (await scoreText(scheduler, model, text)).score,
    close: () => model.engine.close(),
  };
}

/** @param start starts servers, and resolves with the address that answers /predict */
async function openHttp({ signal }: Setup, start: (servers: Supervisor) => Promise<string>): Promise<OpenSystem> {
  const servers = createServers(signal);
  try {
    const address = await start(servers);
    const client = connectPredict(address, { timeout });
    return { send: createSend(address, client), close: () => client.close().then(() => servers.stop()) };
  } catch (error) {
    await servers.stop();
    throw error;
  }
}

/** Has texts scored by an api. It throws unless the answer is a score. */
export function createSend(address: string, client: ReturnType<typeof connectPredict>): Send {
  return async (text) => {
    const { score, problem } = await client.predict(text);
    if (score === undefined) throw new Error(`${address}: ${problem}`);
    return score;
  };
}
