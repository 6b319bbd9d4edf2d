import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import {
  changesQuerySchema,
  type Changes,
  changesSchema,
  contentsRequestSchema,
  CURSOR_NOW,
  deltaAnswerSchema,
  deltaSchema,
  pollQuerySchema,
} from "../../../core/protocol/sync.ts";
import { SNAPSHOT_MEDIA_TYPE, snapshotLineSchema, snapshotQuerySchema } from "../../../core/protocol/snapshot.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { FRAMES_MEDIA_TYPE } from "../../../core/frames/format.ts";
import { formatSyncCursor, parseSyncCursor, type SyncCursor } from "../../../core/sync/cursor.ts";
import { isFrames } from "../../http/media-type.ts";
import { changesSince, cursorAt, cursorNow } from "../changes.ts";
import { folderId, json, principalOf, problems, readJson, signedIn } from "../http.ts";
import { snapshotPages, toStream } from "../snapshot.ts";
import { contentsStream } from "../contents.ts";
import { answerFrames, answerJson } from "../delta.ts";
import type { App, AppEnv } from "../types.ts";

const tags = ["sync"];

/** A device's list shows when it last asked; losing one such note loses nothing. */
async function answerFrom(c: Context<AppEnv>, cursor: SyncCursor, limit: number): Promise<Changes> {
  const { app, claims } = c.var;
  const page = await changesSince(app, principalOf(c), cursor, limit);
  const reached = cursor.drives.get(claims.user_id) ?? 0;
  c.executionCtx.waitUntil(app.accounts.synced(claims.user_id, claims.device_id, reached, Date.now()));
  return page;
}

/** RFC 3339 or Unix seconds, to milliseconds. */
function parseLastSync(text: string): number {
  const at = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isFinite(at)) return at;
  throw new DriveError("invalid_request", "last_sync must be a time: RFC 3339, or seconds since 1970.");
}

export function syncRoutes(api: App): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/sync/changes",
      tags,
      security: signedIn,
      request: { query: changesQuerySchema },
      responses: {
        200: json(changesSchema, "What happened since the cursor, in order"),
        ...problems,
      },
    }),
    async (c) => {
      const { cursor, limit } = c.req.valid("query");
      if (cursor === CURSOR_NOW) {
        const next_cursor = formatSyncCursor(await cursorNow(c.var.app, principalOf(c)));
        return c.json({ changes: [], next_cursor, has_more: false }, 200);
      }
      return c.json(await answerFrom(c, parseSyncCursor(cursor), limit), 200);
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/files/sync",
      tags,
      security: signedIn,
      request: { query: pollQuerySchema },
      description: "The polling form of `/sync/changes`: what changed since a time.",
      responses: {
        200: json(changesSchema, "What happened since"),
        ...problems,
      },
    }),
    async (c) => {
      const { last_sync, limit } = c.req.valid("query");
      const cursor = await cursorAt(c.var.app, principalOf(c), parseLastSync(last_sync));
      return c.json(await answerFrom(c, cursor, limit), 200);
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/sync/snapshot",
      tags,
      security: signedIn,
      request: { query: snapshotQuerySchema },
      description:
        "All that the caller sees, or one item with all below it, a line of JSON each. Without the line `end` it is not whole; `after` goes on behind the last line `page`.",
      responses: {
        200: { description: "Lines", content: { [SNAPSHOT_MEDIA_TYPE]: { schema: snapshotLineSchema } } },
        ...problems,
      },
    }),
    async (c) => {
      const { folder_id: ref, after } = c.req.valid("query");
      const folder_id = ref === undefined ? undefined : folderId(c, ref);
      const pages = await snapshotPages(c.var.app, principalOf(c), { folder_id, after });
      const headers = { "content-type": SNAPSHOT_MEDIA_TYPE, "cache-control": "no-store" };
      return new Response(toStream(pages), { headers });
    },
  );

  // Documented apart from its handler, which takes a body of two types.
  api.openAPIRegistry.registerPath({
    method: "post",
    path: "/sync/delta",
    tags,
    security: signedIn,
    description:
      "As JSON, or with the bytes of its files: the length of the JSON (4 bytes, big-endian), the JSON, a stream of frames.",
    request: {
      body: {
        content: {
          "application/json": { schema: deltaSchema },
          [FRAMES_MEDIA_TYPE]: { schema: z.string().meta({ format: "binary" }) },
        },
        required: true,
      },
    },
    responses: {
      200: json(deltaAnswerSchema, "One answer a change: a bad one fails alone"),
      ...problems,
    },
  });
  api.post("/sync/delta", async (c) => {
    const { body } = c.req.raw;
    const hasFrames = isFrames(c.req.header("content-type"));
    if (hasFrames && body !== null) return c.json(await answerFrames(c, body), 200);
    return c.json(await answerJson(c, await readJson(c, deltaSchema)), 200);
  });

  api.openAPIRegistry.registerPath({
    method: "post",
    path: "/sync/contents",
    tags,
    security: signedIn,
    description:
      "Small versions together, in any order: for each its index in the request and its length (4 bytes each, big-endian), then its bytes. A length of 2^32 - 1: not there, or to be downloaded by itself.",
    request: { body: { content: { "application/json": { schema: contentsRequestSchema } }, required: true } },
    responses: {
      200: {
        description: "All of them; without the last one it is not whole",
        content: { "application/octet-stream": { schema: z.string().meta({ format: "binary" }) } },
      },
      ...problems,
    },
  });
  api.post("/sync/contents", async (c) => {
    const { items } = await readJson(c, contentsRequestSchema);
    const headers = { "content-type": "application/octet-stream", "cache-control": "private, no-store" };
    return c.body(await contentsStream(c, items), 200, headers);
  });

  api.openAPIRegistry.registerPath({
    method: "get",
    path: "/sync/ws",
    tags,
    security: signedIn,
    description:
      "WebSocket that wakes the device. The token comes in `Authorization`, or as the sub-protocol `edgedrive.token.<token>` beside `edgedrive.v1`.",
    responses: {
      101: { description: "Switching protocols" },
      ...problems,
    },
  });
  api.get("/sync/ws", async (c) => {
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket")
      throw new DriveError("invalid_request", "This address speaks WebSocket only.");
    const { user_id, session_id, device_id } = c.var.claims;
    const url = `https://hub/ws?${new URLSearchParams({ session_id, device_id })}`;
    return c.var.app.hub(user_id).fetch(new Request(url, c.req.raw));
  });
}
