import { runTool } from "./lib/tools.ts";

process.exitCode = await runTool("oxfmt", ["--write", ...process.argv.slice(2)]);
