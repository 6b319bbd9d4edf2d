import { waitUntil } from "cloudflare:workers";
import type { Command, Outcome } from "../../core/sync/commands.ts";
import type { Env } from "./env.ts";

const GIVES_BYTES: ReadonlySet<Command["op"]> = new Set(["commit_upload", "create_from", "restore_version"]);

/**
 * Drops what is kept of links that show a file which got other bytes, or what went to trash.
 * Behind the answer; where it is lost, the bound of docs/spec/links.md, L4, holds.
 */
export function purgeLinks(env: Env, { op }: Command, { file }: Outcome): void {
  if (file === null || !(op === "trash" || (GIVES_BYTES.has(op) && file.version_number > 1))) return;
  const { file_id } = file;
  const purged = env.PUBLIC_LINKS.purgeFiles([file_id]).catch((error: unknown) =>
    console.warn({ message: "links were not purged", file_id, error: String(error) }),
  );
  waitUntil(purged);
}
