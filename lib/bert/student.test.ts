import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readTiny, tinyModels } from "../../test/tiny-models.js";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.js";
import { families } from "./families.js";
import { redrawLayers, takeLayers } from "./student.js";

const folder = mkdtempSync(join(tmpdir(), "readability-student-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(tinyModels)("$family with the head $head", ({ family, head }) => {
  const teacher = readTiny(family, head);
  const { layers: prefix } = families[family];
  const last = teacher.config.layers - 1;
  const inLayer = (name: string, layer: number) => name.startsWith(`${prefix}.${layer}.`);

  it("gives a student of its layers, in any order, that can be written and read", () => {
    const student = takeLayers(teacher, [last, 0, last]);
    const out = join(folder, `${family}-${head}`);
    writeCheckpoint(out, student);
    const read = readCheckpoint(out);
    expect(read.config).toMatchObject({ family, head, layers: 3 });
    expect([...read.weights.keys()]).toEqual([...student.weights.keys()]);
    for (const [name, { data }] of read.weights) {
      const layer = [0, 1, 2].find((layer) => inLayer(name, layer));
      const origin = layer === undefined ? name : name.replace(`${prefix}.${layer}.`, `${prefix}.${[last, 0, last][layer]}.`);
      expect(data, name).toEqual(teacher.weights.get(origin)!.data);
    }
  });

  it("draws its top layers anew from the seed, and leaves the rest alone", () => {
    const redrawn = redrawLayers(teacher, 1, 3);
    for (const [name, { data, shape }] of redrawn.weights) {
      const before = teacher.weights.get(name)!;
      expect(shape).toEqual(before.shape);
      if (!inLayer(name, last)) expect(data, name).toBe(before.data);
      else if (name.endsWith(".bias"))
        expect(data.every((value) => value === 0), name).toBe(true); // biome-ignore format: one line
      else if (shape.length === 1)
        expect(data.every((value) => value === 1), name).toBe(true); // biome-ignore format: one line
      else expect(Math.hypot(...data) / Math.sqrt(data.length)).toBeCloseTo(teacher.config.initializerRange, 2);
    }
    expect(redrawLayers(teacher, 1, 3)).toEqual(redrawn);
    expect(redrawLayers(teacher, 1, 4)).not.toEqual(redrawn);
    expect([...redrawLayers(teacher, 0, 3).weights]).toEqual([...teacher.weights]);
  });

  it("refuses layers that it does not have", () => {
    expect(() => takeLayers(teacher, [0, last + 1])).toThrow(`has no layer ${last + 1}; its layers are 0 to ${last}`);
    expect(() => redrawLayers(teacher, last + 2, 0)).toThrow(`has no layer ${last + 1}; its layers are 0 to ${last}`);
  });
});
