import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { followChildren } from "../../scripts/lib/child-pids.ts";

/** The workerd process behind something that was started; Linux only, where the kernel keeps what is asked for here. */
export class Workerd {
  readonly #pid: number;

  constructor(pid: number) {
    this.#pid = pid;
  }

  #status(field: string): number {
    const line = readFileSync(`/proc/${this.#pid}/status`, "utf8").match(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m"));
    return Number(line?.[1]) * 1024;
  }

  /** Resident memory now, bytes. */
  get resident(): number {
    return this.#status("VmRSS");
  }

  /** The most resident memory since {@link forgetPeak}, bytes. */
  get peak(): number {
    return this.#status("VmHWM");
  }

  forgetPeak(): void {
    writeFileSync(`/proc/${this.#pid}/clear_refs`, "5");
  }

  /** CPU time so far, milliseconds: of user and system (fields 14 and 15 of `stat`, in hundredths of a second). */
  get cpu(): number {
    const fields = readFileSync(`/proc/${this.#pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }
}

/** @returns what `start` started, and its workerd */
export async function withWorkerd<T>(start: () => Promise<T>): Promise<{ started: T; workerd: Workerd }> {
  let pids: number[] = [];
  const unfollow = followChildren(
    (file) => basename(file).startsWith("workerd"),
    (live) => (pids = live),
  );
  try {
    const started = await start();
    const pid = pids.at(-1);
    if (pid === undefined) throw new Error("no workerd was started");
    return { started, workerd: new Workerd(pid) };
  } finally {
    unfollow();
  }
}
