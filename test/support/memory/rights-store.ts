import type { Access, Grant, Principal, RightsStore } from "../../../core/sharing/rights.ts";
import type { MemoryDriveStore } from "./drive-store.ts";

/** Rights in memory: files, ancestors and grants of one drive. */
export class MemoryRightsStore implements RightsStore {
  readonly #drive: MemoryDriveStore;
  readonly #now: () => number;

  constructor(drive: MemoryDriveStore, now: () => number) {
    this.#drive = drive;
    this.#now = now;
  }

  async find(principal: Principal, file_id: string): Promise<Access | null> {
    const { files, permissions } = this.#drive.state;
    const file = files.get(file_id);
    if (file === undefined) return null;
    const chain: Access["chain"] = [];
    for (let at = files.get(file_id); at !== undefined; at = files.get(at.parent_id ?? ""))
      chain.push({ file_id: at.file_id, name: at.name, trashed_at: at.trashed_at });
    const grants = [...permissions.values()].filter(
      (p) =>
        chain.some((at) => at.file_id === p.file_id) &&
        p.revoked_at === null &&
        (p.expires_at === null || p.expires_at > this.#now()) &&
        (principal.kind === "user" ? p.user_id === principal.user_id : p.permission_id === principal.permission_id),
    );
    return {
      file: structuredClone(file),
      chain,
      grants: grants.map(({ file_id, permission, expires_at }): Grant => ({ file_id, permission, expires_at })),
    };
  }
}
