import type { TestModule } from "vitest/node";
import { describe, expect, it } from "vitest";
import { countTests, summaryLine } from "./summary-reporter.ts";

type State = "passed" | "failed" | "skipped" | "pending";

/** A module as the reporter sees it: results of its tests, and errors of its own. */
function module(states: State[], errors: string[] = []): TestModule {
  return {
    errors: () => errors,
    children: { allSuites: () => [], allTests: () => states.map((state) => ({ result: () => ({ state }) })) },
  } as unknown as TestModule;
}

describe("summary", () => {
  it("adds up all modules of all projects", () => {
    const counts = countTests([module(["passed", "failed"]), module(["passed", "skipped"])]);
    expect(summaryLine(counts)).toBe("2 passed, 1 failed, 1 skipped");
  });

  it("counts a file that cannot be loaded as a failure", () => {
    expect(summaryLine(countTests([module([], ["SyntaxError"])]))).toBe("0 passed, 1 failed");
  });

  it("says nothing of skipped tests when there are none", () => {
    expect(summaryLine(countTests([module(["passed"])]))).toBe("1 passed, 0 failed");
  });
});
