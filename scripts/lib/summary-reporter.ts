import { writeSync } from "node:fs";
import type { Reporter, TestModule, Vitest } from "vitest/node";

type Counts = { passed: number; failed: number; skipped: number };

/**
 * Closes a run with `N passed, N failed[, N skipped]` over all projects, as the very last line.
 * A file that cannot be loaded and an error outside a test each count as one failure: a run that exits non-zero must
 * not say `0 failed`.
 */
export class SummaryReporter implements Reporter {
  #counts: Counts = { passed: 0, failed: 0, skipped: 0 };

  onInit(vitest: Vitest): void {
    if (vitest.config.watch) return;
    // At exit, so that nothing that Vitest prints while it closes comes after it.
    process.once("exit", (code) => {
      const { passed, failed, skipped } = this.#counts;
      // A set-up that failed leaves no test to count.
      writeSync(1, `${summaryLine({ passed, failed: code === 0 ? failed : Math.max(failed, 1), skipped })}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = countTests(modules);
    counts.failed += errors.length;
    this.#counts = counts;
  }
}

export function countTests(modules: readonly TestModule[]): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const module of modules) {
    counts.failed += module.errors().length;
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      counts[state === "pending" ? "skipped" : state] += 1;
    }
  }
  return counts;
}

export function summaryLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
