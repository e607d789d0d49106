import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { Main } from "../lib/cli/run-main.js";
import { findPort } from "../lib/http/listen.js";
import { waitForAnswer } from "../lib/http/wait.js";
import type { Random } from "../lib/math/random.js";
import type { Outcome, Target } from "./attack-site.js";
import { mutate, pick } from "./mutate.js";

/** A request. The body's length, and its compression if it has one, follow. */
export interface Request {
  /** Method and path. */
  readonly line: string;
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** Bytes after the JSON, which a header gives the length of. */
  readonly tensors?: Buffer;
}

interface HttpTarget {
  readonly main: Main;
  readonly args: readonly string[];
  /** Path that answers when the server is ready. */
  readonly ready: string;
  /** The first is asked again and again unchanged: its answer must stay the same. */
  readonly requests: readonly Request[];
}

/** Cases between two checks that the server still answers correctly. */
const betweenChecks = 50;

/** Starts a server in this process, and attacks it through connections of its own. */
export async function attackHttp({ main, args, ready, requests }: HttpTarget): Promise<Target> {
  const port = await findPort();
  const ended = main([...args, "--host", "127.0.0.1", "--port", String(port)]).then((code) => {
    throw new Error(`the server ended with exit code ${code}`);
  });
  await Promise.race([waitForAnswer(`http://127.0.0.1:${port}${ready}`, 60, "It should serve by now."), ended]);
  ended.catch((error) => {
    process.nextTick(() => {
      throw error;
    });
  });
  const seeds = requests.map((request) => encodeRequest(request));
  const bodies = requests.map(({ body }) => body);
  const ask = async () => readBody(await exchange(port, seeds[0]!, patience.check));
  const expected = await ask();
  let cases = 0;
  return {
    make(random) {
      if (random.int(4) === 0) return mutate(random, seeds);
      const { body, ...request } = pick(random, requests);
      return encodeRequest({ ...request, body: mutate(random, [body, body, ...bodies]) }, random);
    },
    async run(bytes) {
      const outcome = classify(await exchange(port, bytes, patience.case));
      if (++cases % betweenChecks === 0) {
        const found = await ask();
        if (found !== expected) throw new Error(`the server answers ${found}, no longer ${expected}`);
      }
      return outcome;
    },
  };
}

/** @param random for a case: compresses the body now and then, and leaves tensors out */
function encodeRequest({ line, headers, body, tensors }: Request, random?: Random): Buffer {
  const binary = tensors !== undefined && random?.int(4) !== 0;
  const whole = binary ? Buffer.concat([body, tensors]) : body;
  const packed = random?.int(6) === 0;
  const sent = packed ? gzipSync(whole) : whole;
  const head = [
    `${line} HTTP/1.1`,
    "Host: localhost",
    "Connection: close",
    ...headers,
    ...(binary ? [`Inference-Header-Content-Length: ${body.length}`] : []),
    ...(packed ? ["Content-Encoding: gzip"] : []),
    ...(line.startsWith("GET") ? [] : [`Content-Length: ${sent.length}`]),
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"), sent]);
}

/** Milliseconds without an answer after which a client gives up: the server waits for the rest of an incomplete request. */
const patience = { case: 100, check: 30_000 } as const;

/** Sends the bytes and reads until the server closes the connection. */
async function exchange(port: number, bytes: Buffer, milliseconds: number): Promise<string> {
  const parts: Buffer[] = [];
  const socket = connect({ port, host: "127.0.0.1" });
  const closed = new Promise<void>((resolve) => {
    socket.on("data", (part) => parts.push(part)).on("error", () => {});
    socket.once("close", resolve);
  });
  socket.write(bytes);
  const giveUp = new AbortController();
  const quiet = (async () => {
    let before = -1;
    while (before !== parts.length) {
      before = parts.length;
      await sleep(milliseconds, undefined, { signal: giveUp.signal });
    }
    socket.end();
  })().catch(() => {});
  await closed;
  giveUp.abort();
  await quiet;
  return Buffer.concat(parts).toString();
}

const readBody = (answer: string): string => answer.slice(answer.indexOf("\r\n\r\n") + 4);

/** @throws if the server failed inside */
function classify(answer: string): Outcome {
  const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
  if (statuses.includes(500)) throw new Error(`the server answers ${answer.slice(0, 2000)}`);
  return statuses.some((status) => status < 300) ? "accepted" : "refused";
}
