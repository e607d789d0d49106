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

/** Share of the channels that are taken for ordinary. */
const ordinary = 0.97;

/**
 * By how much each channel exceeds the ordinary ones; 1 for those. A few channels that stand out would else set the scale by which
 * all are quantized. SmoothQuant (Xiao et al. 2022), for outliers alone: evening out every channel costs more in the weights than it gains.
 * @param range the largest size of each channel
 */
export function findOutliers(range: Float32Array): Float32Array {
  const usual = range.toSorted()[Math.floor(ordinary * (range.length - 1))] || 1;
  return range.map((size) => Math.max(1, size / usual));
}

/** Each row of a matrix times its factor. */
export function scaleRows(data: Float32Array, factors: Float32Array): Float32Array {
  const columns = data.length / factors.length;
  return data.map((value, i) => value * factors[Math.floor(i / columns)]!);
}
