import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { showProgress } from "../cli/progress.js";
import { fail, ReadabilityError, reason } from "../errors/errors.js";
import { checkFolder, findKind, writeFileAtomic } from "../storage/files.js";
import { hashFile } from "../storage/hash.js";
import { listWeightFiles, weightsFile } from "../storage/weights.js";
import {
  createSource,
  downloadFile,
  fetchJson,
  inspectFile,
  isStatusError,
  type RemoteFile,
  type Source,
  type StatusError,
} from "./download.js";

interface HubOptions {
  /** HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE are read. */
  readonly env?: NodeJS.ProcessEnv;
  readonly log?: (message: string) => void;
  readonly progress?: typeof showProgress;
  /** Milliseconds before the second try of a request. */
  readonly pause?: number;
}

const required = ["config.json", "tokenizer.json", weightsFile] as const;
/** The weights come last: if they exist, so does the rest. */
const wanted = [
  "config.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
  "tokenizer.json",
  "model.safetensors",
];

/**
 * The folder of a checkpoint, given that folder or the name of a model on the Hugging Face hub. A model is read from the cache, whose
 * layout is that of Hugging Face's own libraries, or downloaded into it.
 * @throws no-checkpoint, no-base, hub-unreachable, hub-refused, hub-unsuitable, hub-damaged, file-failed
 */
export async function resolveBase(nameOrFolder: string, options: HubOptions = {}): Promise<string> {
  if (findKind(nameOrFolder) !== undefined) return checkCheckpoint(nameOrFolder);
  const { env = process.env } = options;
  const cache = join(findCache(env), `models--${nameOrFolder.replace("/", "--")}`);
  if (!/^[a-z0-9][\w.-]*(\/[a-z0-9][\w.-]*)?$/i.test(nameOrFolder)) fail("no-base", { base: nameOrFolder });
  const cached = findCached(cache);
  if (cached !== undefined) return cached;
  // Old hub names have no owner, but a word, or a path into a folder that is here, is rather a folder that is not.
  if (!nameOrFolder.includes("/") || existsSync(dirname(nameOrFolder))) fail("no-base", { base: nameOrFolder });
  return downloadModel(nameOrFolder, cache, env, options);
}

function listMissing(folder: string): readonly string[] {
  return required.filter((name) => !existsSync(join(folder, name)));
}

function checkCheckpoint(folder: string): string {
  checkFolder(folder, "a checkpoint", "Choose a folder or a hub name with --base.");
  const missing = listMissing(folder);
  if (missing.join() === weightsFile)
    listWeightFiles(folder); // shards, or an error that tells how to convert another format
  else if (missing.length > 0) fail("no-checkpoint", { folder, missing: missing.join(", ") });
  return folder;
}

function findCache({ HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME }: NodeJS.ProcessEnv): string {
  return HF_HUB_CACHE || join(HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface"), "hub");
}

function findCached(cache: string): string | undefined {
  const ref = join(cache, "refs", "main");
  if (!existsSync(ref)) return undefined;
  const snapshot = join(cache, "snapshots", readFileSync(ref, "utf8").trim());
  return listMissing(snapshot).length === 0 ? snapshot : undefined;
}

const modelSchema = z.object({ sha: z.string().regex(/^[0-9a-f]{40,64}$/), siblings: z.array(z.object({ rfilename: z.string() })) });

async function downloadModel(name: string, cache: string, env: NodeJS.ProcessEnv, options: HubOptions): Promise<string> {
  const endpoint = (env.HF_ENDPOINT || "https://huggingface.co").replace(/\/+$/, "");
  const unreachable = (cause: string, error?: unknown) => fail("hub-unreachable", { name, endpoint, cause, cache }, error);
  if (/^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE ?? "")) unreachable("HF_HUB_OFFLINE is set");
  if (!URL.canParse(endpoint)) unreachable("HF_ENDPOINT is not a valid address");
  const source = createSource(new URL(endpoint).origin, env.HF_TOKEN || undefined, options.pause ?? 500);
  try {
    const model = modelSchema.parse(await fetchJson(source, new URL(`${endpoint}/api/models/${name}/revision/main`)));
    const listed = model.siblings.map(({ rfilename }) => rfilename);
    const missing = required.filter((file) => !listed.includes(file));
    if (missing.length > 0) fail("hub-unsuitable", { name, missing: missing.join(", "), found: listed.join(", ") });
    options.log?.(`downloading ${name} from ${endpoint} into ${cache}`);
    const snapshot = join(cache, "snapshots", model.sha);
    for (const file of wanted.filter((file) => listed.includes(file)))
      await downloadInto(
        source,
        { name, file, url: new URL(`${endpoint}/${name}/resolve/${model.sha}/${file}`), cache, snapshot },
        options,
      );
    writeFileAtomic(join(cache, "refs", "main"), model.sha);
    return snapshot;
  } catch (error) {
    if (error instanceof ReadabilityError) throw error;
    if (error instanceof z.ZodError || error instanceof SyntaxError)
      return unreachable("the server did not answer as a Hugging Face hub", error);
    if (error instanceof Error && "path" in error)
      return fail("file-failed", { file: String(error.path), action: "write", cause: error.message }, error);
    const remedy = isStatusError(error) ? refusals[error.status]?.(`${endpoint}/${name}`) : undefined;
    if (remedy) return fail("hub-refused", { name, endpoint, status: (error as StatusError).status, remedy }, error);
    return unreachable(describe(error), error);
  } finally {
    await source.dispatcher.destroy();
  }
}

/** The remedies for refusals that a retry cannot fix. */
const refusals: { readonly [status: number]: (page: string) => string } = {
  401: () => "It does not exist or is private. Check the name, and set HF_TOKEN to a token with access.",
  403: (page) => `It is gated, or HF_TOKEN has no access. Accept its terms at ${page}, and set HF_TOKEN to a token of that account.`,
  404: () => "It does not exist there. Check the name, and HF_ENDPOINT if you set it.",
};

function describe(error: unknown): string {
  const code = error instanceof Error && "code" in error ? ` (${error.code})` : "";
  return (reason(error) || "no connection") + code;
}

interface Download {
  readonly name: string;
  readonly file: string;
  readonly url: URL;
  readonly cache: string;
  readonly snapshot: string;
}

/** Downloads one file into the cache: its bytes under blobs/, a link to them in the snapshot. */
async function downloadInto(source: Source, download: Download, { progress = showProgress }: HubOptions): Promise<void> {
  const { file, url, cache, snapshot } = download;
  const remote = await inspectFile(source, url);
  const id = remote.etag ?? `${basename(snapshot)}-${file}`;
  const blob = join(cache, "blobs", id);
  mkdirSync(join(cache, "blobs"), { recursive: true });
  if (!existsSync(blob) || (remote.size !== undefined && statSync(blob).size !== remote.size)) {
    const part = `${blob}.incomplete`;
    const megabytes = Math.ceil((remote.size ?? 0) / 1e6);
    const shown = megabytes > 5 ? progress(file, megabytes, "MB") : undefined;
    try {
      await downloadFile(source, url, part, remote.size, (bytes) => shown?.update(Math.floor(bytes / 1e6)));
      shown?.update(megabytes);
    } finally {
      shown?.stop();
    }
    await checkHash(download, part, remote);
    renameSync(part, blob);
  }
  linkFile(join("..", "..", "blobs", id), blob, join(snapshot, file), snapshot);
}

async function checkHash({ name, file }: Download, part: string, { etag }: RemoteFile): Promise<void> {
  if (etag === undefined || !/^[0-9a-f]{64}$/.test(etag)) return; // the tag of a small file is not its sha256
  const hash = await hashFile(part);
  if (hash === etag) return;
  rmSync(part);
  fail("hub-damaged", { name, file, problem: `its sha256 is ${hash}, expected ${etag}` });
}

function linkFile(target: string, blob: string, link: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  rmSync(link, { force: true });
  try {
    symlinkSync(target, link);
  } catch {
    copyFileSync(blob, link); // on Windows only some users may make links
  }
}
