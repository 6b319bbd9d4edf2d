import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { printError } from "./lib/cli.ts";
import { inRoot } from "./lib/project.ts";
import { runTool } from "./lib/tools.ts";
import { withoutRowid } from "./lib/without-rowid.ts";

// `npm run db:generate [-- --name what_changed]`: migrations from the schemas. Files that are there already are never
// touched: what has run somewhere must stay as it ran.
try {
  for (const kind of ["directory", "shard"]) {
    const folder = inRoot(`migrations/d1/${kind}`);
    const before = new Set(sqlFiles(folder));
    const config = `platform/d1/${kind}/drizzle.config.ts`;
    const code = await runTool("drizzle-kit", ["generate", `--config=${config}`, ...process.argv.slice(2)]);
    if (code !== 0) process.exit(code);
    for (const name of sqlFiles(folder).filter((file) => !before.has(file))) {
      const path = join(folder, name);
      writeFileSync(path, withoutRowid(readFileSync(path, "utf8")));
    }
  }
} catch (error) {
  printError(error);
  process.exitCode = 1;
}

function sqlFiles(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith(".sql"));
}
