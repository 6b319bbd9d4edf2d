import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { FileRow } from "../../../core/files/model.ts";
import { isPlainText, mayHavePicture, type PreviewSize, SIZE_NAMES } from "../../../core/previews/rules.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { decodeText } from "../../../core/search/text.ts";
import { collect } from "../../../core/storage/collect.ts";
import { readContent } from "../../../core/storage/read.ts";
import { decide } from "../../../core/sharing/rights.ts";
import { DerivedStore } from "../../../platform/derived/derived-store.ts";
import { BYTE_SECURITY_HEADERS } from "../../http/bytes.ts";
import { fileParams, principalOf, problems, signedIn } from "../http.ts";
import type { App, AppEnv } from "../types.ts";

const tags = ["previews"];

/** Of a text, this much is shown. Bytes. */
const TEXT_PREVIEW_MAX = 256 * 1024;
/** Seconds until a client asks again for a picture that is being made. */
const RETRY_AFTER = 2;

const noPreview = (): DriveError => new DriveError("no_preview", "There is no preview of this file.");

const picture = {
  description: "The picture",
  content: { "image/webp": { schema: z.string().meta({ format: "binary" }) } },
};
const pending = { description: "Being made: ask again after `Retry-After`" };
const unchanged = { description: "Not changed" };

/** Private: what one may see, another may not. The tag holds the content, so a new version has another one. */
const headersFor = (etag: string, type: string): Record<string, string> => ({
  ...BYTE_SECURITY_HEADERS,
  "content-type": type,
  "content-encoding": "identity",
  "cache-control": "private, no-cache, no-transform",
  etag,
});

const isFresh = (c: Context<AppEnv>, etag: string): boolean =>
  (c.req.header("if-none-match") ?? "")
    .split(",")
    .map((tag) => tag.trim().replace(/^W\//, ""))
    .some((tag) => tag === etag || tag === "*");

const fresh = (etag: string): Response =>
  new Response(null, { status: 304, headers: { etag, "cache-control": "private, no-cache" } });

async function pictureOf(c: Context<AppEnv>, file: FileRow, size: PreviewSize): Promise<Response> {
  if (!mayHavePicture(file)) throw noPreview();
  const { tenant_id, content_id } = file as FileRow & { content_id: string };
  const etag = `"${content_id}-${size}"`;
  // Contents never change, nor do their pictures: the tag needs no look at the store.
  if (isFresh(c, etag)) return fresh(etag);
  const store = new DerivedStore(c.env.DERIVED);
  const object = await store.get(tenant_id, content_id, size);
  if (object !== null) {
    const headers = { ...headersFor(etag, "image/webp"), "content-length": String(object.size) };
    return new Response(object.body, { headers, encodeBody: "manual" });
  }
  if (await store.hasNone(tenant_id, content_id)) throw noPreview();
  return new Response(null, {
    status: 202,
    headers: { "retry-after": String(RETRY_AFTER), "cache-control": "no-store" },
  });
}

/** The beginning as UTF-8, whatever the file's encoding; never more than plain text to a browser. */
async function textOf(c: Context<AppEnv>, file: FileRow, manifest: string): Promise<Response> {
  const etag = `"${file.version_id}-text"`;
  if (isFresh(c, etag)) return fresh(etag);
  const length = Math.min(file.size, TEXT_PREVIEW_MAX);
  const bytes = await collect(await readContent(c.var.app.engine, file.tenant_id, manifest, 0, length), length);
  const text = decodeText(bytes, length < file.size);
  if (text === null) throw noPreview();
  return new Response(text, { headers: headersFor(etag, "text/plain; charset=utf-8") });
}

export function previewRoutes(api: App): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/files/{id}/thumbnail",
      tags,
      security: signedIn,
      request: {
        params: fileParams,
        query: z.object({ size: z.enum(SIZE_NAMES).default("m") }),
      },
      responses: {
        200: picture,
        202: pending,
        304: unchanged,
        ...problems,
      },
    }),
    async (c) => {
      const { file } = await c.var.app.require(principalOf(c), c.req.valid("param").id, "view");
      return pictureOf(c, file, c.req.valid("query").size);
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/files/{id}/preview",
      tags,
      security: signedIn,
      request: { params: fileParams },
      description: "The large picture, or the first 256 KiB of a text as `text/plain`.",
      responses: {
        200: {
          ...picture,
          content: {
            ...picture.content,
            "text/plain": { schema: z.string() },
          },
        },
        202: pending,
        304: unchanged,
        ...problems,
      },
    }),
    async (c) => {
      const principal = principalOf(c);
      const { id } = c.req.valid("param");
      const { files } = await c.var.app.tenantOfId(id);
      const { access, content } = await files.bytes(principal, id, null);
      const { file } = decide(access, principal, "view");
      if (content !== null && isPlainText(file)) return textOf(c, file, content.manifest);
      return pictureOf(c, file, "l");
    },
  );
}
