import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import {
  type Change,
  changesQuerySchema,
  type Changes,
  changesSchema,
  CURSOR_NOW,
  deltaAnswerSchema,
  deltaSchema,
  pollQuerySchema,
} from "../../../core/protocol/sync.ts";
import { toTime } from "../../../core/protocol/common.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { FRAMES_MEDIA_TYPE } from "../../../core/frames/format.ts";
import { toWire } from "../../../core/files/wire.ts";
import { formatSyncCursor, parseSyncCursor } from "../../../core/sync/cursor.ts";
import type { JournalEntry } from "../../../platform/d1/shard/journal-store.ts";
import { isFrames } from "../../http/media-type.ts";
import { json, problems, readJson, signedIn } from "../http.ts";
import { answerFrames, answerJson } from "../delta.ts";
import type { App, AppEnv } from "../types.ts";

const tags = ["sync"];

const toChange = ({ entry, file }: JournalEntry): Change => ({
  seq: entry.seq,
  drive_id: entry.drive_id,
  file_id: entry.file_id,
  op: entry.op,
  device_id: entry.device_id,
  conflict_of: entry.conflict_of,
  at: toTime(entry.at),
  file: file === null ? null : toWire(file, "owner"),
});

/** The last change of each file, in order: a device wants the state, not the way there. */
function compact(changes: Change[]): Change[] {
  const last = new Map(changes.map((change) => [change.file_id, change.seq]));
  return changes.filter((change) => last.get(change.file_id) === change.seq);
}

/** `first_seq`: of the first entry behind the cursor, null when there is none. */
async function changesSince(
  c: Context<AppEnv>,
  seq: number,
  limit: number,
): Promise<{ page: Changes; first_seq: number | null }> {
  const { app, claims } = c.var;
  const drive_id = claims.user_id;
  const { journal } = await app.tenantOfId(drive_id);
  const found = await journal.since(drive_id, seq, limit + 1);
  const changes = found.slice(0, limit).map(toChange);
  const reached = changes.at(-1)?.seq ?? seq;
  // A device's list shows when it last asked; losing one such note loses nothing.
  c.executionCtx.waitUntil(app.accounts.synced(claims.user_id, claims.device_id, Date.now()));
  const page = {
    changes: compact(changes),
    next_cursor: formatSyncCursor({ [drive_id]: reached }),
    has_more: found.length > limit,
  };
  return { page, first_seq: found[0]?.entry.seq ?? null };
}

/** A restored journal goes on behind a gap: a cursor from within it names changes that were lost (J3). */
async function requireKnown(c: Context<AppEnv>, reached: number, first_seq: number | null): Promise<void> {
  if (reached === 0 || first_seq === null || first_seq === reached + 1) return;
  const drive_id = c.var.claims.user_id;
  const { journal } = await c.var.app.tenantOfId(drive_id);
  if (!(await journal.has(drive_id, reached)))
    throw new DriveError("cursor_invalid", "Changes that this cursor names were lost; read everything anew.");
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
      const drive_id = c.var.claims.user_id;
      if (cursor === CURSOR_NOW) {
        const { journal } = await c.var.app.tenantOfId(drive_id);
        const next_cursor = formatSyncCursor({ [drive_id]: await journal.lastSeq(drive_id) });
        return c.json({ changes: [], next_cursor, has_more: false }, 200);
      }
      const reached = parseSyncCursor(cursor)[drive_id] ?? 0;
      const answer = await changesSince(c, reached, limit);
      await requireKnown(c, reached, answer.first_seq);
      return c.json(answer.page, 200);
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
      const drive_id = c.var.claims.user_id;
      const { journal } = await c.var.app.tenantOfId(drive_id);
      const seq = await journal.seqBefore(drive_id, parseLastSync(last_sync));
      return c.json((await changesSince(c, seq, limit)).page, 200);
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
