import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{lib,services,commands,test,data}/**/*.test.ts", "*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // onnxruntime-node is a native addon: one process a file keeps its threads and crashes apart.
    pool: "forks",
    env: { ORT_DISABLE_TELEMETRY: "1" },
    maxWorkers: 2,
  },
});
