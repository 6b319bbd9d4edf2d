import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** A process that cannot be mistaken for a later one with the same number. */
export type ProcessId = { pid: number; started: string };

/** @returns undefined when no such process runs (a zombie does not run). */
export function identify(pid: number): ProcessId | undefined {
  const started = process.platform === "linux" ? startedLinux(pid) : startedElsewhere(pid);
  return started === undefined ? undefined : { pid, started };
}

export const isRunning = ({ pid, started }: ProcessId): boolean => identify(pid)?.started === started;

/** Ends what still runs of these with SIGKILL and waits until it is gone. @returns those that were ended. */
export async function end(processes: readonly ProcessId[], wait_ms = 5_000): Promise<ProcessId[]> {
  const left = processes.filter(isRunning);
  for (const { pid } of left) tryKill(pid);
  const deadline = Date.now() + wait_ms;
  while (left.some(isRunning) && Date.now() < deadline) await sleep(20);
  return left;
}

/** With its process group, when it leads one of its own (wrangler, in `npm run dev`). */
function tryKill(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, "SIGKILL");
    } catch {
      // No such group, or ended between the look and the signal.
    }
  }
}

/** Boot id and start time in ticks since boot: proc(5), fields 3 (state) and 22 (starttime) of /proc/PID/stat. */
function startedLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command, in parentheses, may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}:${fields[19]}`;
  } catch {
    return undefined;
  }
}

function startedElsewhere(pid: number): string | undefined {
  const [file, args] =
    process.platform === "win32"
      ? ["powershell", ["-NoProfile", "-Command", `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`]]
      : ["ps", ["-o", "lstart=", "-p", String(pid)]];
  try {
    return (
      execFileSync(file as string, args as string[], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }).trim() || undefined
    );
  } catch {
    return undefined;
  }
}
