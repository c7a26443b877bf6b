import "./runtime.mjs";

const { runWorker } = await import("../src/process/run-worker.ts");
runWorker();
