import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { idSchema, shareTokenSchema } from "../../../core/protocol/ids.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { decide, type Principal } from "../../../core/sharing/rights.ts";
import { readContent } from "../../../core/storage/read.ts";
import { isArchivedError } from "../../../core/tiers/archived.ts";
import { serveBytes } from "../../http/bytes.ts";
import { fileParams, principalOf, problems, signedIn } from "../http.ts";
import { authenticate } from "../middleware/authenticate.ts";
import { limitUser } from "../middleware/limits.ts";
import type { App, AppEnv } from "../types.ts";
import { askBack, stillArchived } from "../unarchive.ts";

const query = z.object({ version_id: idSchema.optional(), share_token: shareTokenSchema.optional() });

const bytes = {
  description: "The bytes",
  content: { "application/octet-stream": { schema: z.string().meta({ format: "binary" }) } },
};

const route = (method: "get" | "head") =>
  createRoute({
    method,
    path: "/files/{id}/download",
    tags: ["downloads"],
    security: [...signedIn, {}],
    description: "Range, If-Range, If-None-Match, If-Match and HEAD as RFC 9110 says; several ranges get the whole.",
    request: {
      params: fileParams,
      query,
    },
    responses: {
      200: bytes,
      206: {
        ...bytes,
        description: "A range of the bytes",
      },
      304: { description: "Not changed" },
      ...problems,
    },
  });

/** Signed in, or with a link's token: the seed's journey. */
async function whoAsks(c: Context<AppEnv>, share_token: string | undefined): Promise<Principal> {
  if (share_token === undefined) {
    // Typed as middleware, used as a step: a link needs no sign-in.
    await authenticate(c, () => limitUser(c, async () => undefined) as Promise<void>);
    return principalOf(c);
  }
  return c.var.app.linkPrincipal(share_token);
}

async function download(c: Context<AppEnv>): Promise<Response> {
  const params = fileParams.safeParse(c.req.param());
  if (!params.success) throw new DriveError("not_found", "There is no such file.");
  const parsed = query.safeParse(c.req.query());
  if (!parsed.success) throw new DriveError("invalid_request", "The query is not valid.");
  const { version_id, share_token } = parsed.data;
  const principal = await whoAsks(c, share_token);
  const { app } = c.var;
  const tenant = await app.tenantOfId(params.data.id);
  const { files } = tenant;
  const { access, content } = await files.bytes(principal, params.data.id, version_id ?? null);
  const { file } = decide(access, principal, "view");
  if (file.is_folder) throw new DriveError("not_a_file", `“${file.name}” is a folder.`);
  // A link shows the present, never the history.
  if (content === null || (principal.kind === "link" && content.version.version_id !== file.version_id))
    throw new DriveError("not_found", "There is no such version.");
  const { version, manifest } = content;
  return serveBytes(c.req.raw, {
    etag: `"${version.version_id}"`,
    size: version.size,
    last_modified: new Date(version.created_at),
    media_type: version.mime_type,
    file_name: file.name,
    content_hash: version.content_hash,
    cache_control: "private, no-cache, no-transform",
    async open(offset, length) {
      const again = async (): Promise<string | null> =>
        (await files.bytes(principal, params.data.id, version.version_id)).content?.manifest ?? null;
      try {
        return await readContent(app.engine, version.tenant_id, manifest, offset, length, { fleeting: true, again });
      } catch (error) {
        // Who asks for bytes wants them: they begin to come back. A stranger with a link spends nobody's money.
        if (!isArchivedError(error) || principal.kind === "link") throw error;
        throw stillArchived(await askBack(tenant, file, content));
      }
    },
  });
}

/** Registered before the routes that need a sign-in: a share token is one of its own. */
export function downloadRoutes(api: App): void {
  for (const method of ["get", "head"] as const) api.openAPIRegistry.registerPath(route(method));
  api.on(["GET", "HEAD"], "/files/:id/download", download);
}
