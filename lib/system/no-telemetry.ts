// ONNX Runtime sends usage data unless this is set before it loads. Import this module before "onnxruntime-node".
process.env.ORT_DISABLE_TELEMETRY = "1";
