/** A folder behind a link as one Zip file. docs/spec/archive.md, Z12. */
import type { Context } from "hono";
import { DriveError } from "../../core/protocol/errors.ts";
import type { Link } from "../../core/sharing/links.ts";
import { requireRight } from "../../core/sharing/rights.ts";
import { D1ArchiveStore, itemOf } from "../../platform/d1/shard/archive-store.ts";
import { D1RightsStore } from "../../platform/d1/shard/rights-store.ts";
import { serveArchive } from "../http/archive.ts";
import type { Deps } from "./deps.ts";
import { openCounted } from "./guard.ts";

/** Rights are read anew: an archive shows too much at once to rest on what was read a minute ago. */
export async function serveSharedFolder(c: Context, deps: Deps, link: Link, folder_id: string): Promise<Response> {
  const place = await deps.shards.find(link.tenant_id);
  if (place === null || place.state !== "active") throw new DriveError("not_found", "There is no such link.");
  const rights = new D1RightsStore(place.db, link.tenant_id);
  const { file } = await requireRight(rights, { kind: "link", permission_id: link.permission_id }, folder_id, "view");
  if (!file.is_folder) throw new DriveError("not_a_folder", `“${file.name}” is not a folder.`);
  const roots = [{ item: itemOf(file), store: new D1ArchiveStore(place.db, link.tenant_id) }];
  const serve = () => serveArchive(c.req.raw, { roots, engine: deps.engine });
  // HEAD sends no bytes, and counts nothing.
  if (c.req.method === "HEAD") return serve();
  const { bytes: answer, ticket } = await openCounted(c, deps, link, file.file_id, serve);
  if (ticket !== null) answer.headers.append("set-cookie", ticket);
  return answer;
}
