import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { describeFlag, isServiceLink, kinds, option, parseOptions } from "./options.js";

const options = { folders: option(kinds.list, [], "Folders."), seed: option(kinds.count, 0, "A seed.") };
const parse = (argv: readonly string[], env: Record<string, string> = {}) => parseOptions("test", options, argv, env).folders;

describe("a list", () => {
  it("takes words after its flag, flags again, and commas", () => {
    expect(parse(["--folders", "a", "b", "--seed", "1"])).toEqual(["a", "b"]);
    expect(parse(["--folders", "a", "--folders=b"])).toEqual(["a", "b"]);
    expect(parse(["--folders", "a,b", "c"])).toEqual(["a", "b", "c"]);
  });

  it("takes commas in its variable, and is empty without either", () => {
    expect(parse([], { READABILITY_TEST_FOLDERS: "a,b" })).toEqual(["a", "b"]);
    expect(parse([])).toEqual([]);
  });

  it("is described by its flag, and refuses an empty name", () => {
    expect(describeFlag("folders", options.folders)).toBe("--folders <value...>");
    expect(() => parse(["--folders", "a,,b"])).toThrow(
      '--folders must be names, none of them empty, found "a,,b". Try: readability test --help',
    );
  });
});

describe("a duration", () => {
  const timers = { wait: option(kinds.duration, 1, "In seconds."), limit: option(kinds.milliseconds, 1, "In milliseconds.") };
  const parse = (...argv: string[]) => parseOptions("test", timers, argv, {});

  it.each([
    ["90", 90],
    [".5", 0.5],
    ["1.5", 1.5],
    ["0", 0],
    ["90s", 90],
    ["2m", 120],
    ["1h", 3600],
    ["1m30s", 90],
    ["1h20m", 4800],
    ["3h30m10s", 12610],
    ["600ms", 0.6],
    ["1s500ms", 1.5],
    ["576h", 2073600],
    ["2073600", 2073600],
  ])("%s is %d s", (text, seconds) => {
    expect(parse("--wait", text).wait).toBe(seconds);
    expect(seconds * 1000).toBeLessThan(2 ** 31);
  });

  it("is in milliseconds where the option says so", () => {
    expect(parse("--limit", "30000").limit).toBe(30000);
    expect(parse("--limit", "7").limit).toBe(7);
    expect(parse("--limit", "1m30s").limit).toBe(90000);
    expect(() => parse("--limit", "0")).toThrow('--limit must be more than 0, found "0"');
  });

  it.each(["--wait=600h", "--wait=2592000", "--limit=2073600001", "--limit=600h"])("%s is more than a timer can take", (argument) => {
    const [flag, value] = argument.split("=");
    expect(() => parse(argument)).toThrow(`${flag} must be at most 576h (24 days), found "${value}"`);
  });

  it.each(["soon", "", "-1", "1d", "h", "1s1m", "1m 30s", "1e3", "1.2.3"])("is not %j", (text) => {
    expect(() => parse(`--wait=${text}`)).toThrow(`--wait must be a duration such as 90, 90s, 1m30s or 2h, found "${text}"`);
  });
});

describe("the variables of a Kubernetes Service", () => {
  const ports = { port: option(kinds.port, 5000, "A port."), metricsPort: option(kinds.port, 8002, "Another.") };

  it("are ignored, which is said once", () => {
    const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const env = { READABILITY_API_PORT: "tcp://10.0.0.1:5000", READABILITY_API_METRICS_PORT: "udp://[fd00::1]:8002" };
    const parsed = [parseOptions("api", ports, [], env), parseOptions("api", ports, [], env)];
    const written = write.mock.calls.map(([text]) => text);
    write.mockRestore();
    expect(parsed).toEqual(new Array(2).fill({ port: 5000, metricsPort: 8002, arguments: [] }));
    expect(written).toEqual([
      "note: ignoring READABILITY_API_PORT=tcp://10.0.0.1:5000, which Kubernetes sets for a Service of that name\n",
      "note: ignoring READABILITY_API_METRICS_PORT=udp://[fd00::1]:8002, which Kubernetes sets for a Service of that name\n",
    ]);
  });

  it("are told from settings", () => {
    expect(parseOptions("api", ports, [], { READABILITY_API_PORT: "5001" }).port).toBe(5001);
    expect(() => parseOptions("api", ports, [], { READABILITY_API_PORT: "five" })).toThrow("READABILITY_API_PORT must be a number");
    for (const name of ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT_5000_TCP", "PORT_5000_TCP_ADDR"])
      expect(isServiceLink(`READABILITY_API_${name}`, "10.0.0.1")).toBe(true);
    expect(isServiceLink("READABILITY_API_HOST", "10.0.0.1")).toBe(false);
  });
});

it("never shows the password of an address", () => {
  const options = { target: option(z.url({ protocol: /^https?$/, error: "must be an address" }), "http://localhost", "An address.") };
  expect(() => parseOptions("test", options, ["--target", "ftp://user:secret@host/"], {})).toThrow(
    '--target must be an address, found "ftp://***@host/"',
  );
});

it.each(["--seeds", "--seeds=1", "--see"])("suggests the nearest flag for %s", (argument) => {
  const [flag] = argument.split("=");
  expect(() => parse([argument])).toThrow(`unknown option '${flag}' (Did you mean --seed?). Try: readability test --help`);
});
