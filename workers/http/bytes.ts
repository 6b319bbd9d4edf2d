/** One representation over HTTP: conditions, ranges and HEAD as RFC 9110 (sections 13 and 14) says. */
import { create as contentDisposition } from "content-disposition";
import { DriveError } from "../../core/protocol/errors.ts";
import { servedAs } from "./media-type.ts";
import { type ByteRange, parseRange } from "./range.ts";

export interface Representation {
  /** Strong; with its quotes. */
  etag: string;
  size: number;
  last_modified: Date;
  /** As it is stored: see `servedAs`. */
  media_type: string | null;
  file_name: string;
  /** SHA-256 in hex, when known: `Repr-Digest` (RFC 9530). */
  content_hash: string | null;
  cache_control: string;
  open(offset: number, length: number): Promise<ReadableStream<Uint8Array>>;
}

/** Public and private bytes run nothing, whatever their type says. */
export const BYTE_SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; sandbox",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
};

const base64 = (hash: string): string =>
  btoa(String.fromCharCode(...(hash.match(/../g) as string[]).map((pair) => Number.parseInt(pair, 16))));

/** RFC 9110, 8.8.3.2: a weak tag never matches strongly. */
const tags = (header: string): string[] => header.split(",").map((tag) => tag.trim());
const strongMatch = (header: string, etag: string): boolean => header.trim() === "*" || tags(header).includes(etag);
const weakMatch = (header: string, etag: string): boolean =>
  header.trim() === "*" || tags(header).some((tag) => tag.replace(/^W\//, "") === etag);

/** HTTP dates have whole seconds. */
const seconds = (date: Date): number => Math.floor(date.getTime() / 1000);
const notModifiedSince = (header: string, date: Date): boolean =>
  seconds(date) <= Math.floor(Date.parse(header) / 1000);

/** RFC 9110, 13.2.2, in its order. Null when the request goes on. */
function precondition(request: Request, r: Representation): 304 | 412 | null {
  const ifMatch = request.headers.get("if-match");
  const ifUnmodified = request.headers.get("if-unmodified-since");
  if (ifMatch !== null) {
    if (!strongMatch(ifMatch, r.etag)) return 412;
  } else if (
    ifUnmodified !== null &&
    !Number.isNaN(Date.parse(ifUnmodified)) &&
    !notModifiedSince(ifUnmodified, r.last_modified)
  )
    return 412;
  const ifNone = request.headers.get("if-none-match");
  if (ifNone !== null) return weakMatch(ifNone, r.etag) ? 304 : null;
  const ifModified = request.headers.get("if-modified-since");
  if (ifModified !== null && !Number.isNaN(Date.parse(ifModified)) && notModifiedSince(ifModified, r.last_modified))
    return 304;
  return null;
}

/** RFC 9110, 13.1.5: an `If-Range` that does not match means the whole. */
function rangeApplies(request: Request, r: Representation): boolean {
  const condition = request.headers.get("if-range");
  if (condition === null) return true;
  if (condition.startsWith('"') || condition.startsWith("W/")) return condition === r.etag;
  return Math.floor(Date.parse(condition) / 1000) === seconds(r.last_modified);
}

/** Null for the whole. */
function wantedRange(request: Request, r: Representation): ByteRange | null {
  const header = request.headers.get("range");
  if (request.method !== "GET" || header === null || !rangeApplies(request, r)) return null;
  const range = parseRange(header, r.size);
  if (range === "unsatisfiable")
    throw new DriveError("range_not_satisfiable", `The file has ${r.size} bytes.`, { complete_length: r.size });
  return range;
}

export async function serveBytes(request: Request, r: Representation): Promise<Response> {
  const headers = new Headers({
    ...BYTE_SECURITY_HEADERS,
    etag: r.etag,
    "last-modified": r.last_modified.toUTCString(),
    "cache-control": r.cache_control,
    "accept-ranges": "bytes",
  });
  const failed = precondition(request, r);
  if (failed === 304) return new Response(null, { status: 304, headers });
  if (failed === 412) throw new DriveError("precondition_failed", "The file has changed since.");

  const { disposition, content_type } = servedAs(r.media_type);
  headers.set("content-type", content_type);
  headers.set("content-disposition", contentDisposition(r.file_name, { type: disposition }));
  // The runtime compresses what has no encoding, and then neither lengths nor ranges are true any more.
  headers.set("content-encoding", "identity");
  if (r.content_hash !== null) headers.set("repr-digest", `sha-256=:${base64(r.content_hash)}:`);

  const range = wantedRange(request, r);
  const offset = range?.start ?? 0;
  const length = range === null ? r.size : range.end - range.start + 1;
  headers.set("content-length", String(length));
  if (range !== null) headers.set("content-range", `bytes ${range.start}-${range.end}/${r.size}`);
  const status = range === null ? 200 : 206;
  if (request.method === "HEAD") return new Response(null, { status, headers, encodeBody: "manual" });
  const body = (await r.open(offset, length)).pipeThrough(new FixedLengthStream(length));
  return new Response(body, { status, headers, encodeBody: "manual" });
}
