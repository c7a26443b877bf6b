import { readdirSync, readFileSync } from "node:fs";

/*
 * What the operating system says a process used. Nothing is asked of the process itself: a gateway that reports on itself
 * pays for the report. Linux only.
 */

/** CPU time of a process and its descendants in milliseconds, all threads. */
export function cpuMs(pid: number): number {
  return processTree(pid).reduce((sum, each) => sum + ownCpuMs(each), 0);
}

/** Resident memory of a process and its descendants in KiB. Shared pages of several processes are divided among them. */
export function residentKib(pid: number): number {
  const tree = processTree(pid);
  const [field, file] = tree.length > 1 ? ["Pss", "smaps_rollup"] : ["VmRSS", "status"];
  return tree.reduce((sum, each) => sum + readField(`/proc/${each}/${file}`, field ?? ""), 0);
}

export function processTree(pid: number): number[] {
  const children = tasks(pid).flatMap((task) => readText(`/proc/${pid}/task/${task}/children`).split(" "));
  return [pid, ...children.filter((each) => /^\d/.test(each)).flatMap((child) => processTree(Number(child)))];
}

/** `schedstat` counts nanoseconds; the clock ticks of `stat` (10 ms) are what is left where the kernel lacks it. */
function ownCpuMs(pid: number): number {
  const nanoseconds = tasks(pid).map((task) => Number(readText(`/proc/${pid}/task/${task}/schedstat`).split(" ")[0]));
  const sum = nanoseconds.reduce((total, each) => total + each, 0);
  if (sum > 0) return sum / 1e6;
  // The command's name, in parentheses, may hold spaces; utime and stime are the 12th and 13th field after it.
  const fields = readText(`/proc/${pid}/stat`).split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function tasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function readField(file: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(readText(file))?.[1] ?? 0);
}

/** Empty for a thread or process that has just ended. */
function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
