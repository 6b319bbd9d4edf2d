import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { diffQuerySchema, type SideBySide, sideBySideSchema } from "../../../core/protocol/diff.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { decide } from "../../../core/sharing/rights.ts";
import { collect } from "../../../core/storage/collect.ts";
import { readContent } from "../../../core/storage/read.ts";
import { diffTexts, toSideBySide, toUnified } from "../../../core/versions/diff.ts";
import { requireComparable, textOf } from "../../../core/versions/texts.ts";
import { BYTE_SECURITY_HEADERS } from "../../http/bytes.ts";
import { fileParams, principalOf, problems, signedIn } from "../http.ts";
import type { App, AppEnv } from "../types.ts";

interface Text {
  name: string;
  text: string;
}

/** Both sides are asked for before either is read: what is refused costs no byte. */
async function textsOf(c: Context<AppEnv>, file_id: string, version_ids: [string, string]): Promise<[Text, Text]> {
  const { app } = c.var;
  const principal = principalOf(c);
  const { files } = await app.tenantOfId(file_id);
  const found = await Promise.all(version_ids.map((id) => files.bytes(principal, file_id, id)));
  const sides = found.map(({ access, content }) => {
    const { file } = decide(access, principal, "view");
    if (file.is_folder) throw new DriveError("not_a_file", `“${file.name}” is a folder.`);
    if (content === null) throw new DriveError("not_found", "There is no such version.");
    const { mime_type, size, content_id } = content.version;
    requireComparable({ ...file, mime_type, size, content_id });
    return { name: file.name, size, tenant_id: file.tenant_id, manifest: content.manifest };
  });
  const texts = sides.map(async ({ name, size, tenant_id, manifest }) => ({
    name,
    text: textOf(await collect(await readContent(app.engine, tenant_id, manifest, 0, size), size)),
  }));
  return Promise.all(texts) as Promise<[Text, Text]>;
}

export function diffRoutes(api: App): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/files/{id}/diff",
      tags: ["versions"],
      security: signedIn,
      description: "Two versions of a text compared by lines: a patch, or rows side by side.",
      request: {
        params: fileParams,
        query: diffQuerySchema,
      },
      responses: {
        200: {
          description: "The difference; an empty patch when the texts are equal",
          content: {
            "application/json": { schema: sideBySideSchema },
            "text/x-diff": { schema: z.string() },
          },
        },
        ...problems,
      },
    }),
    async (c) => {
      const { from, to, format } = c.req.valid("query");
      const [before, after] = await textsOf(c, c.req.valid("param").id, [from, to]);
      const diff = diffTexts(before.text, after.text);
      if (format === "unified")
        return new Response(toUnified(diff, after.name), {
          headers: {
            ...BYTE_SECURITY_HEADERS,
            "content-type": "text/x-diff; charset=utf-8",
            "cache-control": "private",
          },
        });
      const body: SideBySide = { from, to, minimal: diff.minimal, hunks: toSideBySide(diff) };
      return c.json(body, 200);
    },
  );
}
