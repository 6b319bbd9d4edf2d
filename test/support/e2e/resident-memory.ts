import { readFileSync, writeFileSync } from "node:fs";

const field = (pid: number, name: string): number => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024);
};

/** What a process holds now, MiB. */
export const residentMemory = (pid: number): number => field(pid, "VmRSS");

/** The most that a process held while something ran, MiB (proc(5): `VmHWM`, which 5 in `clear_refs` resets). */
export async function peakDuring(pid: number, work: () => Promise<unknown>): Promise<number> {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  await work();
  return field(pid, "VmHWM");
}
