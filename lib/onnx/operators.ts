/** The operators of ONNX that graphs may use, each with the names of its inputs; "?" marks one that may be left out. */
const standardOperators = {
  Abs: ["x"],
  Add: ["a", "b"],
  BitShift: ["a", "b"],
  Cast: ["x"],
  Concat: [], // any number of them
  CumSum: ["x", "axis"],
  Div: ["a", "b"],
  Equal: ["a", "b"],
  Erf: ["x"],
  Exp: ["x"],
  Expand: ["x", "shape"],
  Gather: ["x", "indices"],
  Gemm: ["a", "b", "bias?"],
  If: ["condition"],
  LayerNormalization: ["x", "scale", "bias?"],
  Less: ["a", "b"],
  MatMul: ["a", "b"],
  Mul: ["a", "b"],
  Neg: ["x"],
  Pad: ["x", "pads"],
  ReduceMax: ["x"],
  ReduceMean: ["x"],
  ReduceMin: ["x"],
  ReduceSum: ["x", "axes"],
  Relu: ["x"],
  Reshape: ["x", "shape"],
  Shape: ["x"],
  Slice: ["x", "starts", "ends", "axes?", "steps?"],
  Softmax: ["x"],
  Sub: ["a", "b"],
  Tanh: ["x"],
  Transpose: ["x"],
} as const;

/** ONNX Runtime's own operators, of the domain com.microsoft. */
export const microsoftOperators = {
  DynamicQuantizeMatMul: ["x", "weight", "scale", "zeroPoint?", "bias?"],
  Gelu: ["x"],
  MultiHeadAttention: ["query", "key", "value", "projectionBias?", "keyMask?", "bias?"],
} as const;

export const operators = { ...standardOperators, ...microsoftOperators } as const;

export type Op = keyof typeof operators;
