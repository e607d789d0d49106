import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listVersions, type Metadata, type ModelVersion, versionFiles } from "../lib/repository/repository.js";

/** Changes a copy of a version. Its files are links to the original's files, so a change must replace a file, not write into it. */
export type Change = (folder: string) => void;

/** Versions kept besides the first, to which a server falls back from broken ones. */
const kept = 2;

/** Publishes a changed copy of a version as the newest, atomically. */
export function publishChanged(repository: string, { model, folder }: ModelVersion, change: Change): void {
  const place = join(repository, model);
  const hidden = join(place, `.next-${process.pid}`);
  mkdirSync(hidden);
  for (const name of readdirSync(folder)) linkSync(join(folder, name), join(hidden, name));
  change(hidden);
  const version = (listVersions(repository, model).at(-1) ?? 0) + 1;
  renameSync(hidden, join(place, String(version)));
  for (const old of listVersions(repository, model).slice(1, -kept)) rmSync(join(place, String(old)), { recursive: true });
}

/** Replaces the quantized graph by the float32 one, whose scores differ but also match the version's reference scores. */
export const serveFloat32: Change = (folder) => {
  unlinkSync(join(folder, versionFiles.graph));
  renameSync(join(folder, versionFiles.fallback), join(folder, versionFiles.graph));
};

/** Changes after which no server may serve the version: a short graph, missing files, bad metadata, and other scores than those expected. */
export const broken: readonly Change[] = [
  (folder) => replaceFile(join(folder, versionFiles.graph), readFileSync(join(folder, versionFiles.graph)).subarray(0, 100_000)),
  (folder) => unlinkSync(join(folder, versionFiles.graph)),
  (folder) => unlinkSync(join(folder, "tokenizer.json")),
  (folder) => replaceFile(join(folder, versionFiles.metadata), "{"),
  (folder) => {
    const file = join(folder, versionFiles.metadata);
    const metadata = JSON.parse(readFileSync(file, "utf8")) as Metadata;
    const texts = metadata.reference.texts.map(({ text, score }) => ({ text, score: score + 10 }));
    replaceFile(file, JSON.stringify({ ...metadata, reference: { ...metadata.reference, texts } }));
  },
];

function replaceFile(file: string, data: string | Uint8Array): void {
  unlinkSync(file);
  writeFileSync(file, data);
}
