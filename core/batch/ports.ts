import type { Access, Principal } from "../sharing/rights.ts";
import type { Actor, Result, Submission } from "../sync/commands.ts";
import type { UploadDeps } from "../uploads/ports.ts";

export interface BatchCaller {
  principal: Extract<Principal, { kind: "user" }>;
  actor: Actor;
}

export interface BatchDeps {
  /** Of files of any tenants, in few looks; unknown ones are missing. */
  accesses(principal: Principal, file_ids: readonly string[]): Promise<Map<string, Access>>;
  /** What an upload into the drive touches. */
  uploadsOf(drive_id: string): Promise<UploadDeps>;
  /** Commands in their order, each with its result. */
  submitAll(drive_id: string, submissions: Submission[]): Promise<Result[]>;
}
