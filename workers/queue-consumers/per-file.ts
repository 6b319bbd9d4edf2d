import type { Handled } from "../../core/events/ports.ts";
import type { JournalRow } from "../../core/files/model.ts";
import type { Budget } from "./context.ts";

/**
 * Does the work of each file once, at its first entry, because the state is read as it is now. Stops when the budget is
 * spent; a failure is that of the entry, and the files behind it go on.
 */
export async function perFile(
  entries: JournalRow[],
  budget: Budget,
  work: (entry: JournalRow) => Promise<void>,
): Promise<Handled> {
  const failures = new Map<number, unknown>();
  const seen = new Set<string>();
  for (const [count, entry] of entries.entries()) {
    if (seen.has(entry.file_id)) continue;
    if (budget.isSpent) return { count, failures };
    seen.add(entry.file_id);
    await work(entry).catch((error: unknown) => failures.set(entry.seq, error));
  }
  return { count: entries.length, failures };
}
