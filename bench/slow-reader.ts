/**
 * Resident memory of the api while clients send NDJSON without end and read nothing of the answers, and then all of them.
 *
 *     node dist/bench/slow-reader.js [--clients 20] [--pause 60] [--small]
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { kinds, option } from "../lib/cli/options.js";
import { markdownTable } from "../lib/report/markdown.js";
import { runBenchmark } from "./run.js";
import { createServers, prepareServing, servingOptions, startOurs } from "./servers.js";

const options = {
  ...servingOptions,
  clients: option(kinds.positive, 20, "Clients."),
  pause: option(
    kinds.duration,
    60,
    "Time in which they read nothing, in seconds or with a unit. The api ends a connection after 5 minutes.",
  ),
  lines: option(kinds.positive, 2000, "Lines of each client."),
};

/** A line of 50 kB, most of which is its id: the buffers on the way fill up before much is scored. */
const line = (i: number) => `${JSON.stringify({ id: `${i} ${"x".repeat(50_000)}`, text: "The cat sat on the mat." })}\n`;

await runBenchmark("slow_reader", options, async (settings, run) => {
  const { signal } = run;
  const servers = createServers(signal);
  const rows: (string | number)[][] = [];
  try {
    const address = await startOurs(servers, await prepareServing(settings, run), false);
    const { pid } = servers.child("api").process;
    const note = (when: string, lines: number) => rows.push([when, lines, readResident(pid!).toFixed(0)]);
    const clients = Array.from({ length: settings.clients }, () => startClient(address, settings.lines));
    const answers = await Promise.all(clients.map(({ answer }) => answer));
    const count = () => clients.reduce((sum, { sent }) => sum + sent(), 0);
    for (let i = 1; i <= 6; i++) {
      await sleep((1000 * settings.pause) / 6, undefined, { signal });
      note(`after ${Math.round((settings.pause * i) / 6)} s in which nothing was read`, count());
    }
    const read = await Promise.all(answers.map(countLines));
    note(`at the end: ${read.reduce((a, b) => a + b, 0)} answers were read`, count());
  } finally {
    await servers.stop();
  }
  process.stdout.write(`${markdownTable(["", "lines sent", "MiB of the api"], rows, [])}\n`);
  return 0;
});

/** Sends lines as fast as they are taken. */
function startClient(address: string, lines: number) {
  const sending: ClientRequest = request(`${address}/v1/score`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    agent: false,
  });
  let sent = 0;
  const send = async () => {
    while (sent < lines) if (!sending.write(line(sent++))) await once(sending, "drain");
    sending.end();
  };
  const answer = once(sending, "response").then(([response]) => response as IncomingMessage);
  sending.on("error", () => {}); // an answer that breaks off is an error where it is read
  send().catch(() => {});
  return { answer, sent: () => sent };
}

async function countLines(answer: IncomingMessage): Promise<number> {
  let lines = 0;
  for await (const chunk of answer) for (const byte of chunk as Buffer) if (byte === 0x0a) lines++;
  return lines;
}

/** Resident memory of a process in MiB. */
function readResident(pid: number): number {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
}
