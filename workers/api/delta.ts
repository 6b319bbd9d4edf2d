import type { Context } from "hono";
import type { z } from "zod";
import { toWire } from "../../core/files/wire.ts";
import { DriveError } from "../../core/protocol/errors.ts";
import type { DeltaAnswer, deltaChangeSchema } from "../../core/protocol/sync.ts";
import type { Command } from "../../core/sync/commands.ts";
import { folderId, principalOf, submissionOf } from "./http.ts";
import type { AppEnv } from "./types.ts";

type DeltaChange = z.infer<typeof deltaChangeSchema>;
type Answer = DeltaAnswer["results"][number];

function commandOf(c: Context<AppEnv>, change: DeltaChange): Command {
  if (change.op === "create_folder")
    return {
      op: "create_folder",
      parent_id: folderId(c, change.parent_id),
      name: change.name,
      on_name_conflict: "fail",
    };
  if (change.op === "update") {
    const parent_id = change.parent_id === undefined ? undefined : folderId(c, change.parent_id);
    return { op: "update", file_id: change.file_id, name: change.name, parent_id };
  }
  return { op: change.op, file_id: change.file_id };
}

/** One change of a batch. Refusals are answers here; only what is no refusal breaks the batch. */
export async function applyChange(c: Context<AppEnv>, change: DeltaChange): Promise<Answer> {
  try {
    const command = commandOf(c, change);
    const { app } = c.var;
    const principal = principalOf(c);
    const at = command.op === "create_folder" ? command.parent_id : (command as { file_id: string }).file_id;
    // The hub refuses what is trashed by then, but for repeats: a batch that is sent again may have trashed it itself.
    const anywhere = { allowTrashed: true };
    const { file: subject, permission } = await app.require(principal, at, "edit", anywhere);
    if (command.op === "update" && command.parent_id !== undefined)
      await app.require(principal, command.parent_id, "edit", anywhere);
    const { actor } = submissionOf(c);
    const op_id = `${actor.user_id}:${change.op_id}`;
    const { file } = await app.submit(subject.drive_id, { command, actor, op_id });
    return {
      op_id: change.op_id,
      status: "applied",
      file: file === null ? null : toWire(file, permission),
      code: null,
      detail: null,
    };
  } catch (error) {
    if (!(error instanceof DriveError)) throw error;
    return { op_id: change.op_id, status: "rejected", file: null, code: error.code, detail: error.message };
  }
}
