import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { searchAnswerSchema, searchQuerySchema, suggestAnswerSchema } from "../../../core/protocol/search.ts";
import type { DriveIndex } from "../../../core/search/ports.ts";
import { type Scope, search, type SearchDeps, suggest } from "../../../core/search/service.ts";
import { pointersOf } from "../../../platform/d1/shard/incoming-store.ts";
import { accessesOf } from "../accesses.ts";
import { json, principalOf, problems, signedIn } from "../http.ts";
import type { App, AppEnv } from "../types.ts";

const tags = ["search"];

/** Shared files and folders that are looked through, the newest first; their drives each cost one call. */
const POINTERS_MAX = 500;
const DRIVES_MAX = 20;

function depsFor(c: Context<AppEnv>): SearchDeps {
  const { app } = c.var;
  const { SEARCH_INDEX } = app.env;
  const principal = principalOf(c);
  return {
    principal,
    index: (drive_id) => SEARCH_INDEX.get(SEARCH_INDEX.idFromName(drive_id)) as unknown as DriveIndex,
    accesses: (file_ids) => accessesOf(app, principal, file_ids),
    now: () => Date.now(),
  };
}

/** The caller's own drive, and of others' drives the parts that are shared with the caller. */
async function scopesOf(c: Context<AppEnv>): Promise<Scope[]> {
  const { user_id } = c.var.claims;
  const { place } = await c.var.app.tenantOfId(user_id);
  const pointers = await pointersOf(place.db, place.tenant_id, user_id, POINTERS_MAX);
  const shared = [...Map.groupBy(pointers, (pointer) => pointer.drive_id)].slice(0, DRIVES_MAX);
  const scopes: Scope[] = shared.map(([drive_id, files]) => ({ drive_id, under: files.map((f) => f.file_id) }));
  return [{ drive_id: user_id }, ...scopes];
}

/** Inside one folder only its drive counts; a folder that the caller may not see is none. */
async function scopesIn(c: Context<AppEnv>, folder_id: string): Promise<Scope[]> {
  const { file } = await c.var.app.require(principalOf(c), folder_id, "view");
  return [{ drive_id: file.drive_id, under: [folder_id] }];
}

export function searchRoutes(api: App): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/search",
      tags,
      security: signedIn,
      request: { query: searchQuerySchema },
      description:
        "Names, metadata and text of all that the caller may read and is not in the trash. Words are beginnings, " +
        '`"…"` is a phrase, `-word` excludes. `snippet` marks hits by U+0002 and U+0003.',
      responses: {
        200: json(searchAnswerSchema, "Hits, best first, and how many there are of each type"),
        ...problems,
      },
    }),
    async (c) => {
      const query = c.req.valid("query");
      const scopes = query.in === undefined ? await scopesOf(c) : await scopesIn(c, query.in);
      return c.json(await search(depsFor(c), scopes, query), 200);
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/search/suggest",
      tags,
      security: signedIn,
      request: { query: z.object({ q: searchQuerySchema.shape.q }) },
      responses: {
        200: json(suggestAnswerSchema, "Names that have words which begin so"),
        ...problems,
      },
    }),
    async (c) => c.json(await suggest(depsFor(c), await scopesOf(c), c.req.valid("query").q), 200),
  );
}
