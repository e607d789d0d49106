/** The largest absolute value of each channel of each quantized linear layer's input, by the layer's name. */
export type Ranges = ReadonlyMap<string, Float32Array>;

/** [rows, columns] -> [columns, rows] */
export function transposeMatrix(data: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[column * rows + row] = data[row * columns + column]!;
  return out;
}

/**
 * Symmetric quantization of a matrix [rows, columns] to integers from -largest to largest, with a scale per column:
 * weight = integer * scale. A column of zeros has the scale 1.
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

/** The share of channels that are not outliers. */
const ordinary = 0.97;

/**
 * The factors of SmoothQuant (Xiao et al. 2022) that move the outliers among an activation's channels into the weights. Without them, a
 * few large channels set the scale by which all are quantized. Ordinary channels have the factor 1: smoothing them too costs more
 * accuracy in the weights than it gains.
 * @param range the largest absolute value of each channel
 */
export function findSmoothing(range: Float32Array): Float32Array {
  const usual = range.toSorted()[Math.floor(ordinary * (range.length - 1))] || 1;
  return range.map((size) => Math.max(1, size / usual));
}

/** Each row of a matrix times its factor. */
export function scaleRows(data: Float32Array, factors: Float32Array): Float32Array {
  const columns = data.length / factors.length;
  return data.map((value, i) => value * factors[Math.floor(i / columns)]!);
}
