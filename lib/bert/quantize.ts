/** [rows, columns] -> [columns, rows] */
export function transposeMatrix(data: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[column * rows + row] = data[row * columns + column]!;
  return out;
}

/**
 * Symmetric quantization of a matrix [rows, columns] to integers of -largest..largest, a scale a column: weight = integer * scale.
 * A column of zeros has scale 1.
 */
export function quantizeColumns(
  weight: Float32Array,
  rows: number,
  columns: number,
  largest: number,
): { readonly data: Int8Array; readonly scales: Float32Array } {
  const scales = new Float32Array(columns);
  for (let i = 0; i < weight.length; i++) scales[i % columns] = Math.max(scales[i % columns]!, Math.abs(weight[i]!));
  for (let column = 0; column < columns; column++) scales[column] = scales[column]! / largest || 1;
  const data = new Int8Array(rows * columns);
  for (let i = 0; i < weight.length; i++) data[i] = Math.max(-largest, Math.min(largest, Math.round(weight[i]! / scales[i % columns]!)));
  return { data, scales };
}
