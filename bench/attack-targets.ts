import { copyFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { readPassages } from "../lib/data/dataset.js";
import { fail, ReadabilityError } from "../lib/errors/errors.js";
import type { Random } from "../lib/math/random.js";
import { createSession } from "../lib/onnx/session.js";
import { listVersions, readNewestVersion, readVersion, versionFiles } from "../lib/repository/repository.js";
import { checkVersion } from "../lib/serving/check-version.js";
import { describeScore } from "../lib/serving/describe-score.js";
import { chooseLayout } from "../lib/serving/open-version.js";
import { readSafetensors } from "../lib/storage/safetensors.js";
import { loadTokenizer } from "../lib/text/tokenizer.js";
import { readFirstWindow, splitWindows } from "../lib/text/windows.js";
import { main as api } from "../services/api/main.js";
import { main as inference } from "../services/inference/main.js";
import { attackHttp, type Request } from "./attack-http.js";
import type { Site, Target } from "./attack-site.js";
import { mutate, pick } from "./mutate.js";

interface TargetKind {
  /** One of so many of the asked cases, where each takes long. Default: 1. */
  readonly oneOf?: number;
  /** Seconds that a case may take, if more than usual. */
  readonly longest?: number;
  /** Whether servers do this in a process of its own too, because it may crash or take long: that is a refusal. */
  readonly contained?: true;
  /** @param folder for files */
  open(site: Site, folder: string): Promise<Target>;
}

const text = "The cat sat. A dog ran to the big red mat, and the cat did not like that at all.\n\nIt ran off.";
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const post = (path: string, value: unknown): Request => ({
  line: `POST ${path}`,
  headers: ["Content-Type: application/json"],
  body: json(value),
});
const get = (path: string): Request => ({ line: `GET ${path}`, headers: [], body: Buffer.alloc(0) });

const names = ["input_ids", "attention_mask", "token_type_ids"];
const ids = [2, 7, 8, 5, 3];
const tensor = (name: string) => (name === "input_ids" ? ids : ids.map(() => (name === "attention_mask" ? 1 : 0)));
const describeInputs = (content: (name: string) => object) => ({
  inputs: names.map((name) => ({ name, shape: [1, ids.length], datatype: "INT64", ...content(name) })),
});
const infer = "/v2/models/readability/infer";

const inferenceRequests: readonly Request[] = [
  post(infer, {
    id: "a",
    ...describeInputs((name) => ({ data: tensor(name) })),
    outputs: [{ name: "logits", parameters: { binary_data: false } }],
  }),
  post(infer, { parameters: { timeout: 100_000 }, ...describeInputs((name) => ({ data: [tensor(name)] })) }),
  {
    ...post(
      infer,
      describeInputs(() => ({ parameters: { binary_data_size: 8 * ids.length } })),
    ),
    tensors: Buffer.from(BigInt64Array.from(names.flatMap(tensor), BigInt).buffer),
  },
  post("/v2/repository/index", { ready: true }),
  post("/v2/repository/models/readability/load", {}),
  get("/v2/models/readability/versions/1"),
  get("/v2/models/readability/stats"),
  get("/v2/health/ready"),
];

const apiRequests: readonly Request[] = [
  post("/predict", { text }),
  post("/predict", { text: text.repeat(20) }),
  post("/v1/score", { texts: [text, "A cat."], formulas: true }),
  post("/v1/score", { text, sentences: true, formulas: true }),
  { ...post("/predict", {}), headers: ["Content-Type: application/json", "Transfer-Encoding: chunked"], body: json({ text }) },
  post("/v1/compare", { before: text, after: "A cat." }),
  {
    ...post("/v1/score", {}),
    headers: ["Content-Type: application/x-ndjson"],
    body: Buffer.from(`{"text":"A cat."}\n{"text":"A dog.","id":2}\n`),
  },
  get("/v1/models"),
  get("/ready"),
];

/** A target that reads a file. @param read throws to refuse */
function attackFile(file: string, seeds: readonly Buffer[], read: () => unknown, make = (random: Random) => mutate(random, seeds)): Target {
  return {
    make,
    async run(input) {
      writeFileSync(file, input);
      try {
        await read();
        return "accepted";
      } catch (error) {
        if (error instanceof ReadabilityError) return "refused";
        throw error;
      }
    },
  };
}

/** A copy of the repository, whose version an attack changes. */
function copyVersion({ repository }: Site, folder: string) {
  cpSync(repository, folder, { recursive: true });
  const { model } = readNewestVersion(folder);
  const version = listVersions(folder, model).at(-1)!;
  return { read: () => readVersion(folder, model, version), folder: join(folder, model, String(version)) };
}

const csv = Buffer.from(
  `id,excerpt,target,standard_error\n${Array.from({ length: 30 }, (_, i) => `p${i},"${text.replaceAll("\n", i % 2 ? "\n" : " ")}",${(i - 15) / 10},0.${i}`).join("\n")}\n`,
);
const otherCsv = Buffer.from("id;excerpt;target\r\na;Café au lait;-1,5\r\nb;Un chat;2\r\n", "latin1");
const zip = (csv: Buffer, level: 0 | 6 = 6) => Buffer.from(zipSync({ "train.csv": [csv, { level }], "test.csv": otherCsv }));

/** Everything that clients or damaged files reach, by its name on the command line. */
export const targets: Readonly<Record<string, TargetKind>> = {
  inference: {
    open: ({ repository }) =>
      attackHttp({
        main: inference,
        args: ["--repository", repository, "--metrics-port", "0", "--sessions", "1"],
        ready: "/v2/health/ready",
        requests: inferenceRequests,
      }),
  },
  api: {
    open: ({ repository }) => attackHttp({ main: api, args: ["--repository", repository], ready: "/ready", requests: apiRequests }),
  },
  "model.onnx": {
    contained: true,
    async open(site, folder) {
      const { folder: version } = copyVersion(site, folder);
      const seeds = [versionFiles.graph, versionFiles.fallback].map((name) => readFileSync(join(version, name)));
      const file = join(folder, "mutated.onnx");
      return attackFile(file, seeds, () => runGraph(file));
    },
  },
  version: {
    oneOf: 50,
    longest: 70, // the check starts a process, and ends it after 60 s
    async open(site, folder) {
      const version = copyVersion(site, folder);
      const file = join(version.folder, versionFiles.graph);
      copyFileSync(file, join(version.folder, versionFiles.fallback));
      const seeds = [readFileSync(file)];
      return attackFile(file, seeds, () => checkVersion(version.read()));
    },
  },
  "metadata.json": {
    async open(site, folder) {
      const version = copyVersion(site, folder);
      const file = join(version.folder, versionFiles.metadata);
      return attackFile(file, [readFileSync(file)], () => {
        const { metadata } = version.read();
        const { workers } = chooseLayout(metadata, undefined, 2);
        if (workers > 2) throw new Error(`${workers} workers`);
        for (const score of [-1e9, 0, 1e9]) describeScore(metadata, { score, tokens: 20 }, []);
      });
    },
  },
  "tokenizer.json": {
    async open(site, folder) {
      const version = copyVersion(site, folder);
      const file = join(version.folder, "tokenizer.json");
      return attackFile(file, [readFileSync(file)], () => {
        const tokenizer = loadTokenizer(version.folder);
        for (const original of ["", "the cat", text, "Ünïcödé 漢字 😀 x".repeat(50)]) {
          readFirstWindow(tokenizer, original, 64);
          splitWindows(tokenizer, original, 64);
        }
      });
    },
  },
  safetensors: {
    async open({ checkpoint }, folder) {
      const file = join(folder, "model.safetensors");
      const whole = readFileSync(join(checkpoint, "model.safetensors"));
      const data = 8 + Number(whole.readBigUInt64LE());
      const make = (random: Random) => {
        if (random.int(3) === 0) return mutate(random, [whole]);
        const header = mutate(random, [whole.subarray(8, data)]);
        const length = Buffer.alloc(8);
        length.writeBigUInt64LE(BigInt(header.length));
        return Buffer.concat([length, header, whole.subarray(data)]);
      };
      return attackFile(file, [whole], () => readSafetensors(file), make);
    },
  },
  csv: {
    open: async (_, folder) => attackPassages(folder, (random) => mutate(random, [csv, otherCsv])),
  },
  zip: {
    open: async (_, folder) => {
      const seeds = [zip(csv), zip(csv, 0), gzipSync(csv)];
      return attackPassages(folder, (random) =>
        random.int(3) > 0 ? mutate(random, seeds) : pick(random, [zip, gzipSync])(mutate(random, [csv, otherCsv])),
      );
    },
  },
};

function attackPassages(folder: string, make: (random: Random) => Buffer): Target {
  const file = join(folder, "train.csv");
  return attackFile(file, [], () => readPassages(file, { targets: true }), make);
}

/** Loads a graph and scores a text, as a worker thread does in the process that checks a new version. */
async function runGraph(file: string): Promise<void> {
  try {
    const session = await createSession(file, { threads: 1, optimization: "basic" });
    const data = { input_ids: ids, attention_mask: tensor("attention_mask"), token_type_ids: tensor("token_type_ids") };
    const feeds = session.inputs.map(
      (name) =>
        [name, { dtype: "int64", shape: [1, ids.length], data: BigInt64Array.from(data[name as "input_ids"] ?? ids, BigInt) }] as const,
    );
    await session.run(Object.fromEntries(feeds));
    await session.close();
  } catch (error) {
    fail("bad-graph", { file, cause: String(error) });
  }
}
