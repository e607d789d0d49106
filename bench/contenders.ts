import { findPort } from "../lib/http/listen.js";
import { openModel } from "../lib/serving/model.js";
import { createScheduler } from "../lib/serving/scheduler.js";
import { scoreText } from "../lib/serving/score-text.js";
import { countCores } from "../lib/system/cores.js";
import type { Send } from "./pace.js";
import { connectPredict } from "./predict.js";
import { type Launch, type Server, startServer } from "./processes.js";
import { addressOf, launchApi, launchInference, type Serving } from "./services.js";

/** Something that scores texts, to be measured beside others. */
export interface Contender {
  readonly name: string;
  /** Whether it answers POST /predict; the engine alone does not. */
  readonly http: boolean;
  readonly ours: boolean;
  /** Texts of more tokens are cut, so that it is not measured with them. */
  readonly longest?: number;
  open(where: Whereabouts): Promise<Opened>;
}

/** A contender that is ready, and idle unless it is sent texts. */
export interface Opened {
  readonly send: Send;
  close(): Promise<void>;
}

export interface Whereabouts extends Serving {
  /** The checkpoint of which the repository was made. */
  readonly model: string;
  readonly maxLength: number;
  /** Script and interpreter of the peers, and texts for those that calibrate. */
  readonly peers: string;
  readonly python: string;
  readonly data: string;
}

const cores = countCores();

/** Ours, from the model alone to all that a client goes through. */
export const ours: readonly Contender[] = [
  { name: "ours: engine, no HTTP", http: false, ours: true, open: openEngine },
  {
    name: "ours: api",
    http: true,
    ours: true,
    open: async (where) => openHttp(await findPort(), (port) => [launchApi(where, port)]),
  },
  {
    name: "ours: api and inference",
    http: true,
    ours: true,
    async open(where) {
      const inference = await findPort();
      return openHttp(await findPort(), (port) => [launchInference(where, inference), launchApi(where, port, inference)]);
    },
  },
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

export const peers: readonly Contender[] = settings.map(({ args, ...rest }) => ({
  name: args,
  http: true,
  ours: false,
  ...rest,
  async open(where) {
    const { peers, python, model, data, maxLength } = where;
    const common = [peers, "--model", model, "--data", data, "--max-length", String(maxLength), "--engine", ...args.split(" ")];
    return openHttp(await findPort(), (port) => [
      { ...where, program: python, args: [...common, "--port", String(port)], ready: `${addressOf(port)}/alive` },
    ]);
  },
}));

async function openEngine({ repository }: Whereabouts): Promise<Opened> {
  const [model, scheduler] = [await openModel(repository), createScheduler()];
  return {
    send: async (text) => (await scoreText(scheduler, model, text)).score,
    close: () => model.engine.close(),
  };
}

/** Starts servers one after another; the last one answers on the port. */
async function openHttp(port: number, launch: (port: number) => readonly Launch[]): Promise<Opened> {
  const servers: Server[] = [];
  const close = async () => {
    for (const server of servers.toReversed()) await server.stop();
  };
  try {
    for (const next of launch(port)) servers.push(await startServer(next));
  } catch (error) {
    await close();
    throw error;
  }
  const { send, close: disconnect } = connectPredict(addressOf(port));
  return { send, close: () => disconnect().then(close) };
}
