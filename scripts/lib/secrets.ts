import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const SecretsSchema = z.record(z.string(), z.string().min(1));

/** Variables that differ from a deployed copy when one starts it on a machine of one's own. */
export const LOCAL_DEFAULTS = { REGISTRATION: "open", DEFAULT_PLAN: "generous" };

/** 256 random bits: base64url, or for `MASTER_KEYS` as that list's first entry (docs/spec/storage.md, K1). */
export const newSecret = (name: string): string => {
  const bits = randomBytes(32);
  return name === "MASTER_KEYS" ? `v1:${bits.toString("base64")}` : bits.toString("base64url");
};

/**
 * Local secrets, kept in `secrets.json` (mode 0600) of a data directory: a name that is missing gets a value, the
 * others stay, so that sign-ins and sealed data outlive a restart and a new secret needs no migration.
 */
export function localSecrets(directory: string, names: readonly string[]): Record<string, string> {
  const kept = readSecrets(directory);
  const missing = names.filter((name) => !(name in kept));
  if (missing.length === 0) return kept;
  return keepSecrets(directory, Object.fromEntries(missing.map((name) => [name, newSecret(name)])));
}

/** @throws when the file is damaged: new secrets in its place would lock everybody out */
export function readSecrets(directory: string): Record<string, string> {
  try {
    return SecretsSchema.parse(JSON.parse(readFileSync(join(directory, "secrets.json"), "utf8")));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new Error(
      `${join(directory, "secrets.json")} is damaged: restore it from a copy. Without its MASTER_KEYS no stored file can be read`,
      {
        cause: error,
      },
    );
  }
}

/** Adds to what is there. @returns all of it */
export function keepSecrets(directory: string, secrets: Record<string, string>): Record<string, string> {
  const path = join(directory, "secrets.json");
  const all = { ...readSecrets(directory), ...secrets };
  writeFileSync(`${path}.new`, `${JSON.stringify(all, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return all;
}
