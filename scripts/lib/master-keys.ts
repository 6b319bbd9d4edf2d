import { MasterCheck } from "../../core/keys/master-check.ts";
import { parseMasterKeys } from "../../core/keys/masters.ts";
import { type CheckBucket, R2MasterChecks } from "../../platform/r2/master-checks.ts";

export class MasterKeysError extends Error {
  override name = "MasterKeysError";
}

/**
 * Whether files can be read with these keys.
 *
 * @param bucket where the files lie
 * @throws MasterKeysError with what is wrong, in plain words
 */
export async function requireMasterKeys(bucket: CheckBucket, text: string): Promise<void> {
  const check = new MasterCheck(parseMasterKeys(text), new R2MasterChecks(bucket), Date.now);
  const problems = await check.problems();
  if (problems.length > 0) throw new MasterKeysError(problems.join("\n"));
}

/** Names below the newest one that the list does not have: they may have been retired, or be missing. */
export function skippedVersions(text: string): string[] {
  const { newest, keys } = parseMasterKeys(text);
  const below = Array.from({ length: Number(newest.slice(1)) - 1 }, (_, i) => `v${i + 1}`);
  return below.filter((version) => !keys.has(version));
}
