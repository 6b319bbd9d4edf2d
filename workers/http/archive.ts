/** A Zip file over HTTP: its length first, then its bytes as they are made. docs/spec/archive.md, Z5 and Z11. */
import { create as contentDisposition } from "content-disposition";
import type { Root } from "../../core/archive/walk.ts";
import { planArchive } from "../../core/archive/walk.ts";
import { archiveStream } from "../../core/archive/stream.ts";
import { zipLength } from "../../core/archive/zip.ts";
import type { Engine } from "../../core/storage/engine.ts";
import { crc32 } from "../../platform/crc32.ts";
import { BYTE_SECURITY_HEADERS } from "./bytes.ts";

/** What one item of a selection names the file after; several have no name of their own. */
const fileNameOf = (roots: readonly Root[]): string =>
  roots.length === 1 ? `${(roots[0] as Root).item.name}.zip` : "Archive.zip";

export interface ServedArchive {
  /** One at least. */
  roots: readonly Root[];
  engine: Engine;
}

/** Answers GET, POST and HEAD. Throws `payload_too_large` before a byte is sent. */
export async function serveArchive(request: Request, { roots, engine }: ServedArchive): Promise<Response> {
  const archive = await planArchive(roots);
  const length = zipLength(archive.plan);
  const headers = new Headers({
    ...BYTE_SECURITY_HEADERS,
    "content-type": "application/zip",
    "content-disposition": contentDisposition(fileNameOf(roots), { type: "attachment" }),
    "content-length": String(length),
    // The runtime compresses what has no encoding, and then the length is not true any more.
    "content-encoding": "identity",
    "cache-control": "private, no-store, no-transform",
    "accept-ranges": "none",
  });
  if (request.method === "HEAD") return new Response(null, { headers, encodeBody: "manual" });
  // It fails when the stream ends early: a client never sees a whole answer that is not one.
  const body = archiveStream(archive, { engine, crc32 }).pipeThrough(new FixedLengthStream(length));
  return new Response(body, { headers, encodeBody: "manual" });
}
