// Our api and another server under the same load, one after the other: node dist/bench/load.js --ours URL --peer URL

import { kinds, option, parseOptions } from "../lib/cli/options.js";
import { findData, places } from "../lib/cli/paths.js";
import { runMain } from "../lib/cli/run-main.js";
import { abortOnSignals } from "../lib/cli/signals.js";
import { readPassages } from "../lib/data/dataset.js";
import { addRoute, readAddress } from "../lib/http/address.js";
import { waitForAnswer } from "../lib/http/wait.js";
import { runLoad } from "../services/load_testing/load.js";
import { formatErrors, formatPercentiles, formatRequests } from "../services/load_testing/locust-tables.js";

const options = {
  ours: option(kinds.text, "http://localhost:5000", "Address of our api."),
  peer: option(kinds.text, "http://localhost:5001", "Address of the other server: POST /predict and GET /alive."),
  users: option(kinds.positive, 200, "Users at the same time.", "u"),
  spawnRate: option(kinds.positive, 10, "Users started a second.", "r"),
  runTime: option(kinds.duration, 120, "Length of each of the two runs."),
  data: option(kinds.text, findData() ?? places.sample, "Passages to send."),
  seed: option(kinds.count, 0, "Seed of the draw of passages, the same for both."),
};

await runMain(async (argv) => {
  const settings = parseOptions("bench_load", options, argv);
  const signal = abortOnSignals();
  const texts = readPassages(settings.data, { targets: false }).passages.map(({ excerpt }) => excerpt);
  const measure = async (name: "ours" | "peer") => {
    const target = settings[name];
    await waitForAnswer(addRoute(target, "alive"), 60, `Start it, or name another address with --${name}.`, signal);
    process.stderr.write(`${name}: ${settings.users} users for ${settings.runTime} s against ${readAddress(target).shown}\n`);
    return { method: "POST", name, result: await runLoad({ ...settings, target, texts, seconds: settings.runTime, timeout: 60, signal }) };
  };
  const [ours, peer] = [await measure("ours"), await measure("peer")];
  const rows = [ours, peer];
  process.stdout.write([formatRequests(rows), formatPercentiles(rows), formatErrors(rows)].filter(Boolean).join("\n"));
  const ratio = ours.result.requests_per_second / peer.result.requests_per_second;
  process.stdout.write(`\nours answers ${ratio.toFixed(2)} times as many requests a second\n`);
});
