import { join } from "node:path";
import { z } from "zod";
import { configDirectory } from "./directories.ts";
import { JsonFile } from "./json-file.ts";

/** What `edgedrive config` sets. Rates are bytes a second. */
const settingsSchema = z.strictObject({
  device_name: z.string().min(1).max(100).optional(),
  limit_up: z.number().int().min(1).optional(),
  limit_down: z.number().int().min(1).optional(),
});
export type Settings = z.infer<typeof settingsSchema>;

export const settingsFile = (): JsonFile<typeof settingsSchema> =>
  new JsonFile(join(configDirectory(), "config.json"), settingsSchema);

/** @throws CliError when the file is not what this program writes */
export const readSettings = (): Settings => settingsFile().read() ?? {};
