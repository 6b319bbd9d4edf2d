import { existsSync } from "node:fs";
import { printError } from "./lib/cli.ts";
import { inRoot } from "./lib/project.ts";
import { captureTool } from "./lib/tools.ts";

/** Everything that can be judged without running the product; side by side, in well under a minute. */
const CHECKS: { name: string; tool: string; args: string[]; needs?: string }[] = [
  { name: "types", tool: "tsc", args: ["--noEmit", "-p", "tsconfig.json"] },
  { name: "types of what runs on Node", tool: "tsc", args: ["--noEmit", "-p", "tsconfig.node.json"] },
  {
    name: "types of the web app",
    tool: "tsc",
    args: ["--noEmit", "-p", "web/tsconfig.json"],
    needs: "web/tsconfig.json",
  },
  { name: "lint and layers", tool: "oxlint", args: ["--deny-warnings"] },
  { name: "format", tool: "oxfmt", args: ["--check"] },
  {
    name: "layer rules bite",
    tool: "vitest",
    args: ["run", "--project", "unit", "scripts/layers.test.ts", "--reporter", "dot"],
  },
];

try {
  const checks = CHECKS.filter(({ needs }) => needs === undefined || existsSync(inRoot(needs)));
  const results = await Promise.all(
    checks.map(async ({ name, tool, args }) => ({ name, ...(await captureTool(tool, args)) })),
  );
  for (const { name, code, stdout, stderr } of results) {
    console.log(`${code === 0 ? "ok    " : "FAILED"} ${name}`);
    if (code !== 0) console.log(`${stdout}${stderr}`);
  }
  process.exitCode = results.every(({ code }) => code === 0) ? 0 : 1;
} catch (error) {
  printError(error);
  process.exitCode = 1;
}
