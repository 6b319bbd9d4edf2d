import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { CliError, EXIT } from "../exit-codes.ts";
import { configDirectory } from "./directories.ts";

/** What `edgedrive config` sets. Rates are bytes a second. */
const settingsSchema = z.strictObject({
  device_name: z.string().min(1).max(100).optional(),
  limit_up: z.number().int().min(1).optional(),
  limit_down: z.number().int().min(1).optional(),
});
export type Settings = z.infer<typeof settingsSchema>;

const path = (): string => join(configDirectory(), "config.json");

/** @throws CliError when the file is not what this program writes */
export function readSettings(): Settings {
  let text: string;
  try {
    text = readFileSync(path(), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
  try {
    return settingsSchema.parse(JSON.parse(text));
  } catch {
    throw new CliError(EXIT.failed, `${path()} cannot be read as settings. Mend it, or remove it.`);
  }
}

export function writeSettings(settings: Settings): void {
  mkdirSync(configDirectory(), { recursive: true, mode: 0o700 });
  const temporary = `${path()}.${process.pid}.new`;
  writeFileSync(temporary, `${JSON.stringify(settings, null, 2)}\n`);
  renameSync(temporary, path());
}
