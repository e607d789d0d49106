import { toHalf } from "../math/float16.js";

/** The typed array that holds a dtype. Booleans are bytes of 0 and 1; a float16 is its bits. */
export interface ArrayOf {
  float32: Float32Array;
  float16: Uint16Array;
  float64: Float64Array;
  int64: BigInt64Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int8: Int8Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}
export type DType = keyof ArrayOf;
export type TensorData = ArrayOf[DType];

/** Makes the array of a dtype from numbers. */
export const arrays: { readonly [dtype in DType]: (values: readonly number[]) => ArrayOf[dtype] } = {
  float32: (values) => new Float32Array(values),
  float16: (values) => toHalf(new Float32Array(values)),
  float64: (values) => new Float64Array(values),
  int64: (values) => BigInt64Array.from(values, BigInt),
  int32: (values) => new Int32Array(values),
  uint32: (values) => new Uint32Array(values),
  int8: (values) => new Int8Array(values),
  uint8: (values) => new Uint8Array(values),
  bool: (values) => new Uint8Array(values),
};

/** The numbers of ONNX's TensorProto.DataType. */
export const dtypeNumbers: { readonly [dtype in DType]: number } = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
};

/** The dtype that `dtypeNumbers` gives a number. */
export const dtypeOf = (number: number): DType => Object.entries(dtypeNumbers).find(([, known]) => known === number)![0] as DType;
