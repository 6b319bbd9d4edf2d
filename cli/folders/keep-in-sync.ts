import { unwatchFile, watchFile } from "node:fs";
import type { Engine, Outcome } from "../../client/sync/engine.ts";
import { jittered } from "../../client/backoff.ts";
import { NetworkError } from "../../client/index.ts";
import { exitCodeOf, EXIT, type ExitCode } from "../exit-codes.ts";
import type { Board } from "./board.ts";
import { NO_WISHES, type Wishes } from "./documents.ts";
import type { Folder } from "./folder.ts";
import type { Wakes } from "./wakes.ts";

/** EX5: without a socket the server is asked so often. */
const ASK_MS = 60_000;
/** A folder that is missing, or whose deletions wait for a word, is looked at so often. */
const LOOK_MS = 10_000;
/** Even with watches everything is looked through at times: a queue of events can run over unseen. */
const EVERYTHING_MS = 30 * 60_000;
const WISHES_MS = 300;
const OFFLINE_MOST_MS = 60_000;
/** So long a single run waits for files that are being written to. */
const PATIENCE_MS = 30_000;

export interface Keeping {
  folder: Folder;
  board: Board;
  wakes: Wakes;
  /** A new one follows what is selected now. */
  openEngine(selection: Pick<Wishes, "include" | "exclude">): Promise<Engine>;
  /** Ends when all is in sync, or cannot be now. */
  once: boolean;
  confirmDeletes: boolean;
  stopped: AbortSignal;
}

/** Rounds, one after the other, until it is stopped. */
export async function keepInSync(keeping: Keeping): Promise<ExitCode> {
  const { folder, board, wakes, stopped } = keeping;
  const wishes = (): Wishes => folder.wishes.read() ?? NO_WISHES;
  let engine: Engine | undefined;
  const onWishes = (): void => {
    if (wishes().paused) engine?.pause();
    wakes.now();
  };
  const onStop = (): void => {
    engine?.pause();
    wakes.now();
  };
  watchFile(folder.wishes.path, { interval: WISHES_MS }, onWishes);
  stopped.addEventListener("abort", onStop);
  const everything = setInterval(() => wakes.disk(null), EVERYTHING_MS);
  let selected = "";
  let failures = 0;
  let mayDelete = keeping.confirmDeletes;
  const began = performance.now();
  try {
    for (;;) {
      const { paused, confirmed, include, exclude } = wishes();
      if (stopped.aborted) return EXIT.interrupted;
      let wait_ms = ASK_MS;
      try {
        if (engine === undefined || selected !== JSON.stringify({ include, exclude })) {
          engine = await keeping.openEngine({ include, exclude });
          selected = JSON.stringify({ include, exclude });
          wakes.disk(null);
        }
        if (paused && !keeping.once) engine.pause();
        else engine.resume();
        if (mayDelete || (confirmed !== null && confirmed === board.status.stop?.told_at)) engine.confirmDeletions();
        mayDelete = false;
        const outcome = await engine.sync(wakes.take());
        if (stopped.aborted) return EXIT.interrupted;
        board.ended(outcome);
        failures = outcome.state === "offline" ? failures + 1 : 0;
        if (keeping.once) {
          const code = exitOf(outcome, board, performance.now() - began);
          if (code !== null) return code;
        }
        wait_ms = pauseAfter(outcome, failures);
      } catch (error) {
        if (keeping.once || exitCodeOf(error) === EXIT.signed_out) throw error;
        if (error instanceof NetworkError) {
          // The first time the server must say who we are.
          const outcome: Outcome = { state: "offline", error };
          board.ended(outcome);
          wait_ms = pauseAfter(outcome, failures++);
        } else board.failed(error);
      }
      await wakes.wait(wait_ms);
    }
  } finally {
    clearInterval(everything);
    unwatchFile(folder.wishes.path, onWishes);
    stopped.removeEventListener("abort", onStop);
  }
}

function pauseAfter(outcome: Outcome, failures: number): number {
  if (outcome.state === "offline") return 500 + jittered(failures, 1_000, OFFLINE_MOST_MS);
  if (outcome.state === "stopped") return LOOK_MS;
  if (outcome.state === "paused") return ASK_MS;
  return Math.min(ASK_MS, outcome.again_ms ?? ASK_MS);
}

/** Of a single run; null when it is worth to wait a little. */
function exitOf(outcome: Outcome, { status }: Board, elapsed_ms: number): ExitCode | null {
  if (outcome.state === "offline") return EXIT.offline;
  if (outcome.state === "stopped") return EXIT.refused;
  if (outcome.state === "waiting" && elapsed_ms < PATIENCE_MS) return null;
  return outcome.state === "in_sync" && status.problems.length === 0 ? EXIT.done : EXIT.partly;
}
