import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import pMap from "p-map";
import { showProgress } from "../../lib/cli/progress.js";
import { openModel } from "../../lib/serving/model.js";
import { createScheduler } from "../../lib/serving/scheduler.js";
import { scoreText } from "../../lib/serving/score-text.js";
import { readFile, writeFileAtomic } from "../../lib/storage/files.js";
import { countCores } from "../../lib/system/cores.js";
import { producer } from "../../lib/system/producer.js";

/** A checkpoint or model repository that scores texts. */
export interface Teacher {
  readonly path: string;
  /** sha256 of its files. */
  readonly fingerprint: string;
}

/** Texts after which the scores so far are written. */
const chunk = 256;

/**
 * A teacher's scores of texts, float32. They are written to a hidden file in `out` as they come, so a run that was killed goes on from
 * there, and another run with the same teacher and texts asks nothing.
 * @throws no-model, and what models throw
 */
export async function scoreByTeacher({ path, fingerprint }: Teacher, texts: readonly string[], out: string): Promise<Float32Array> {
  const file = join(out, `.teacher-scores-${hashQuestion(fingerprint, texts)}`);
  const scores = new Float32Array(texts.length);
  const bytes = new Uint8Array(scores.buffer);
  const known = existsSync(file) ? readFile(file, "a teacher's scores", "Delete it.").subarray(0, bytes.length) : new Uint8Array();
  bytes.set(known);
  const before = Math.floor(known.length / 4);
  if (before === texts.length) return scores;
  const progress = showProgress("teacher", texts.length, "texts", before);
  const model = await openModel(path);
  const scheduler = createScheduler();
  const score = async (text: string) => (await scoreText(scheduler, model, text)).score;
  try {
    for (let begin = before; begin < texts.length; begin += chunk) {
      const end = Math.min(begin + chunk, texts.length);
      scores.set(await pMap(texts.slice(begin, end), score, { concurrency: 2 * countCores() }), begin);
      writeFileAtomic(file, bytes.subarray(0, end * 4));
      progress.update(end);
    }
    progress.stop();
    return scores;
  } finally {
    await model.engine.close();
  }
}

/** Identifies everything that scores depend on. */
function hashQuestion(fingerprint: string, texts: readonly string[]): string {
  const hash = createHash("sha256").update(JSON.stringify([fingerprint, producer.version, cpus()[0]?.model, texts.length]));
  for (const text of texts) hash.update(JSON.stringify(text));
  return hash.digest("hex").slice(0, 16);
}
