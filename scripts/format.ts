import { runTool } from "./lib/tools.ts";

// `npm run format`: what the linter can mend by itself, then the layout.
process.exitCode = (await runTool("oxlint", ["--fix"])) || (await runTool("oxfmt", ["--write"]));
