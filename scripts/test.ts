import { inRoot } from "./lib/project.ts";
import { runTool } from "./lib/tools.ts";

// `npm test [-- vitest arguments]`: everything, closed by a line with the count (scripts/lib/summary-reporter.ts).
process.exitCode = await runTool("vitest", ["run", ...process.argv.slice(2)], { cwd: inRoot("") });
