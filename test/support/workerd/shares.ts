/** Giving and taking at the API, and the consumer that keeps the recipients' pointers. */
import { createMessageBatch } from "cloudflare:test";
import type { File } from "../../../core/protocol/files.ts";
import { tenantOf } from "../../../core/protocol/ids.ts";
import type { Permission } from "../../../core/protocol/sharing.ts";
import consumers from "../../../workers/queue-consumers/index.ts";
import { apiEnv, type User } from "./api.ts";

export const give = (by: User, file: File, to: User, permission = "view", more: object = {}): Promise<Permission> =>
  by.ok<Permission>("POST", `files/${file.file_id}/share`, { json: { user_id: to.id, permission, ...more } });

export const take = (by: User, { file_id, permission_id }: Permission): Promise<unknown> =>
  by.ok("DELETE", `files/${file_id}/permissions/${permission_id}`);

/** Runs the consumer that writes pointers, over the whole journal of a user's drive. */
export async function deliver(from: User): Promise<void> {
  const body = { tenant_id: tenantOf(from.id), drive_id: from.id, seq: 1_000_000 };
  const message = { id: crypto.randomUUID(), timestamp: new Date(), attempts: 1, body };
  const batch = createMessageBatch("edgedrive-notifications", [message]);
  await consumers.queue(batch, apiEnv as never);
}
