import { parentPort, workerData } from "node:worker_threads";
import type { Job } from "./row.ts";
import { work } from "./work.ts";

/* A thread of its own for a share of the recordings: hands over every row, and ends. */
for await (const row of work(workerData as Job)) parentPort?.postMessage(row);
