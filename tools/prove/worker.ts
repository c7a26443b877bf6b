import { parentPort, workerData } from "node:worker_threads";
import { fuzzOne, readTargets } from "../../gateway/test/fuzz/fuzz.ts";
import { BEGUN, STOP, type Job, type Message } from "./job.ts";

/* A thread of its own for a share of the inputs. It says what it begins in shared memory, so that a hang can be named. */
const { seed, first, step, inputs, cells } = workerData as Job;
const shared = new Int32Array(cells);
const targets = readTargets();
const counts = new Map<string, number>(targets.map(({ name }) => [name, 0]));
const say = (message: Message): void => parentPort?.postMessage(message);
for (let index = first, begun = 1; index < inputs; index += step, begun += 1) {
  if (Atomics.load(shared, STOP) === 1) break;
  Atomics.store(shared, BEGUN, begun);
  const finding = fuzzOne(targets, seed, index);
  if (finding !== undefined) say({ kind: "finding", finding });
  const name = targets[index % targets.length]?.name ?? "";
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
say({ kind: "done", counts });
