import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const SecretsSchema = z.record(z.string(), z.string().min(1));

/** 256 random bits, base64url. */
export const newSecret = (): string => randomBytes(32).toString("base64url");

/**
 * Local secrets, kept in `secrets.json` (mode 0600) of a data directory: a name that is missing gets a value, the
 * others stay, so that sign-ins and sealed data outlive a restart and a new secret needs no migration.
 */
export function localSecrets(directory: string, names: readonly string[]): Record<string, string> {
  const path = join(directory, "secrets.json");
  const kept = read(path);
  const missing = names.filter((name) => !(name in kept));
  const secrets = { ...kept, ...Object.fromEntries(missing.map((name) => [name, newSecret()])) };
  if (missing.length > 0) {
    writeFileSync(`${path}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
  return secrets;
}

function read(path: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
  // A damaged file is an error, not a reason for new secrets: those would lock everybody out.
  return SecretsSchema.parse(JSON.parse(text));
}
