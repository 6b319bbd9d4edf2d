/** The upload session of a batch: one row, one pack, a commit for each file. docs/spec/uploads.md, U22. */
import { noSpace } from "../quota/space.ts";
import { DriveError } from "../protocol/errors.ts";
import { newId } from "../protocol/ids.ts";
import { packPrefix } from "../packs/format.ts";
import type { PackWriter } from "../packs/writer.ts";
import { PackSeries } from "../storage/write.ts";
import type { Result, Submission } from "../sync/commands.ts";
import type { UploadRow } from "../uploads/model.ts";
import { SESSION_TTL } from "../uploads/parts.ts";
import type { UploadDeps } from "../uploads/ports.ts";
import { refuse } from "./items.ts";
import type { BatchCaller } from "./ports.ts";
import type { PutItem } from "./store-frames.ts";

/** Times that a session is begun with fewer files, while others take the space. */
const TRIES = 3;

export class BatchSession {
  readonly upload: UploadRow;
  readonly #deps: UploadDeps;
  readonly #caller: BatchCaller;
  readonly #series: PackSeries;
  /** Raw bytes of the pack, as far as they are known beforehand. */
  readonly #expected: number;
  #pack: PackWriter | null = null;

  private constructor(deps: UploadDeps, caller: BatchCaller, upload: UploadRow, expected: number) {
    this.#deps = deps;
    this.#caller = caller;
    this.upload = upload;
    this.#expected = expected;
    this.#series = new PackSeries(deps.engine, upload.tenant_id, upload.upload_id);
  }

  /**
   * Its row, before the first byte. It reserves nothing (Q2): where there is not the space for all files, those that do
   * not fit are refused now, and what changes meanwhile the commits refuse. Null when no file is left.
   */
  static async open(
    deps: UploadDeps,
    caller: BatchCaller,
    drive_id: string,
    puts: readonly PutItem[],
  ): Promise<BatchSession | null> {
    for (let tries = 1; ; tries++) {
      const left = puts.filter(({ answer }) => answer === null);
      if (left.length === 0) return null;
      const needed = left.reduce((sum, item) => sum + growthOf(item), 0);
      const upload = newBatch(deps, caller, drive_id, needed);
      const { is_staged, free_bytes } = await deps.uploads.stage(upload, needed);
      if (is_staged) {
        const raw = left.reduce((sum, { change }) => sum + (change.frames > 0 ? change.size : 0), 0);
        return new BatchSession(deps, caller, upload, raw);
      }
      if (free_bytes === null || needed <= free_bytes || tries === TRIES)
        throw new DriveError("unavailable", "The drive did not answer; try again.");
      refuseLarge(left, free_bytes);
    }
  }

  /** The pack of this batch, begun when it is first asked for. */
  async pack(): Promise<PackWriter> {
    this.#pack ??= await this.#series.open(this.#expected);
    return this.#pack;
  }

  /** Whether a pack is this batch's. */
  owns(pack_id: string): boolean {
    return pack_id.startsWith(packPrefix(this.upload.upload_id));
  }

  /** @returns the pack, when there is one */
  async finish(): Promise<PackSeries["finished"]> {
    if (this.#pack !== null) await this.#series.finish(this.#pack);
    return this.#series.finished;
  }

  /** The command behind the last commit of the batch. */
  get closing(): Submission {
    const { upload_id } = this.upload;
    return { command: { op: "close_upload", upload_id }, actor: this.#caller.actor, op_id: `close:${upload_id}` };
  }

  /** Where nothing was committed nothing refers to the pack. */
  async closed(result: Result): Promise<void> {
    if (result.ok && result.outcome.upload?.state === "aborted") await this.#series.remove();
  }

  /** For a batch that failed on its way. What cannot be ended now is the sweep's. */
  async end(): Promise<void> {
    try {
      await this.closed({ ok: true, outcome: await this.#deps.submit(this.upload.drive_id, this.closing) });
    } catch {
      // The error that led here is the one to tell.
    }
  }
}

function newBatch({ tenant_id, now }: UploadDeps, { actor }: BatchCaller, drive_id: string, size: number): UploadRow {
  const created_at = now();
  return {
    tenant_id,
    upload_id: newId(tenant_id, created_at),
    drive_id,
    state: "open",
    target: null,
    size,
    reserved_bytes: 0,
    declared_hash: null,
    part_size: 0,
    base: null,
    block_bits: 16,
    created_by: actor.user_id,
    device_id: actor.device_id,
    file_id: null,
    created_at,
    expires_at: created_at + SESSION_TTL,
  };
}

/** Of a version only what it has more than the one before counts. */
function growthOf({ change, at }: PutItem): number {
  const before = change.target.kind === "version" ? (at?.file.size ?? 0) : 0;
  return Math.max(0, change.size - before);
}

/** In their order, as many as fit. */
function refuseLarge(puts: readonly PutItem[], free_bytes: number): void {
  let free = free_bytes;
  for (const item of puts) {
    const needed = growthOf(item);
    if (needed <= free) free -= needed;
    else refuse(item, noSpace(needed, free));
  }
}
