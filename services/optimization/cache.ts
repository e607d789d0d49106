import { existsSync } from "node:fs";
import { z } from "zod";
import { readFile, writeFileAtomic } from "../../lib/storage/files.js";

const number = z.number();

/** Each kind of measurement. */
const kinds = {
  /** Whether products of 8-bit weights overflow on this processor. */
  saturating: z.boolean(),
  /** The largest absolute value that the model computes. */
  peak: number,
  /** Scores by one precision: of the accuracy gate's rows and of the reference texts. */
  scores: z.object({ rows: z.array(number), references: z.array(number) }),
  /** Scores of excerpts of the gate's rows, by one precision. */
  excerpts: z.array(number),
  /** Texts per second of each trial of a search, one value per measurement. */
  throughputs: z.array(z.object({ precision: z.string(), sessions: number, threads: number, texts_per_second: z.array(number) })),
} as const;

type Kind = keyof typeof kinds;
export type Measured<K extends Kind> = z.infer<(typeof kinds)[K]>;

const named = <S extends z.ZodType>(schema: S) => z.record(z.string(), schema).default({});

/** Format 1, of versions before this one, had no number. */
const fileSchema = z.object({
  format: z.literal(2),
  key: z.string(),
  saturating: named(kinds.saturating),
  peak: named(kinds.peak),
  scores: named(kinds.scores),
  excerpts: named(kinds.excerpts),
  throughputs: named(kinds.throughputs),
});
type Stored = z.infer<typeof fileSchema>;

/** The measurements of a search, so that the next search makes the same choice without measuring. */
export interface Cache {
  /** Whether it held a measurement when it was opened. */
  readonly known: boolean;
  /** The measurement of this kind and name from the cache, or else from `measure`, whose result is then cached. */
  recall<K extends Kind>(kind: K, name: string, measure: () => Promise<Measured<K>>): Promise<Measured<K>>;
}

/**
 * Opens the cache in a file. It is empty if the file is missing, damaged, of another format or of another search.
 * @param key everything that the measurements depend on
 * @param fresh whether to measure again
 */
export function openCache(file: string, key: string, fresh: boolean): Cache {
  const known = fresh ? undefined : readStored(file);
  const stored: Stored =
    known?.key === key ? known : { format: 2, key, saturating: {}, peak: {}, scores: {}, excerpts: {}, throughputs: {} };
  return {
    known: known?.key === key,
    async recall<K extends Kind>(kind: K, name: string, measure: () => Promise<Measured<K>>) {
      const measurements = stored[kind] as Record<string, Measured<K>>;
      const known = measurements[name];
      if (known !== undefined) return known;
      const measured = await measure();
      measurements[name] = measured;
      writeFileAtomic(file, `${JSON.stringify(stored)}\n`);
      return measured;
    },
  };
}

function readStored(file: string): Stored | undefined {
  if (!existsSync(file)) return undefined;
  const text = readFile(file, "", "").toString("utf8");
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
