/** Drives of one tenant with real bytes in a store in memory, and the jobs over them. */
import { createHash } from "node:crypto";
import type { BlockBits } from "../../../core/blocks/classes.ts";
import type { FileRow } from "../../../core/files/model.ts";
import { collect } from "../../../core/storage/collect.ts";
import { readContent } from "../../../core/storage/read.ts";
import { PackSeries, writeBlocks, writeRoot } from "../../../core/storage/write.ts";
import type { Command } from "../../../core/sync/commands.ts";
import type { Hub } from "../../../core/sync/hub.ts";
import type { UploadTarget } from "../../../core/uploads/model.ts";
import { joinEqual } from "../../../core/verification/join.ts";
import type { VerifiedContent } from "../../../core/verification/ports.ts";
import { type ReadBudget, verifyDrive, type VerifyDeps } from "../../../core/verification/verify.ts";
import { MemoryDrive, TENANT } from "./drive.ts";
import { memoryEngine, piecesOf } from "./engine.ts";
import { MemoryEquals, MemoryVerifications } from "./verifications.ts";

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export class StoredDrives {
  readonly engine = memoryEngine();
  readonly drives: readonly MemoryDrive[];
  readonly equals: MemoryEquals;
  readonly reported: { content_id: string; isDead: boolean }[] = [];
  readonly #hubs: readonly Hub[];
  now = 1_000_000;

  constructor(count: number) {
    this.drives = Array.from({ length: count }, () => new MemoryDrive(2 ** 40));
    this.#hubs = this.drives.map((drive) => drive.hub());
    this.equals = new MemoryEquals(this.drives.map(({ store }) => store));
  }

  async run(at: number, command: Command): Promise<FileRow | null> {
    const result = await this.drives[at]!.submit(this.#hubs[at]!, command);
    return result.ok ? result.outcome.file : null;
  }

  async purge(at: number, file_id: string): Promise<void> {
    await this.run(at, { op: "trash", file_id });
    await this.run(at, { op: "purge", file_id });
  }

  /** @param known whether the server hashed the whole in passing */
  async upload(
    at: number,
    target: UploadTarget,
    bytes: Uint8Array,
    { known, bits = 14, declared_hash = null }: { known: boolean; bits?: BlockBits; declared_hash?: string | null },
  ): Promise<FileRow | null> {
    const drive = this.drives[at]!;
    const upload = { ...drive.upload(target, bytes.length), declared_hash };
    await this.run(at, { op: "reserve_upload", upload });
    const { upload_id } = upload;
    const series = new PackSeries(this.engine, TENANT, upload_id);
    const root = await writeBlocks(series, piecesOf(bytes), { bits, size: bytes.length, whole: true });
    const manifest = await writeRoot(series, root);
    const content = {
      ...drive.content(bytes.length),
      manifest,
      packs: series.finished,
      ...(known ? ({ content_hash: sha256(bytes), integrity: "ok" } as const) : {}),
    };
    return this.run(at, { op: "commit_upload", upload_id, target, content });
  }

  read(manifest: string, size: number): Promise<Uint8Array> {
    return readContent(this.engine, TENANT, manifest, 0, size).then((stream) => collect(stream, size));
  }

  deps(at: number): VerifyDeps {
    return {
      engine: this.engine,
      tenant_id: TENANT,
      store: new MemoryVerifications(this.drives[at]!.store),
      equals: this.equals,
      settle: async (content_id, content_hash, integrity) =>
        void (await this.run(at, { op: "verify_content", content_id, content_hash, integrity })),
      now: () => this.now,
      giveWay: async () => undefined,
      report: async (content_id, _error, isDead) => void this.reported.push({ content_id, isDead }),
    };
  }

  verify(at: number, budget: ReadBudget, more: Partial<VerifyDeps> = {}): Promise<boolean> {
    return verifyDrive({ ...this.deps(at), ...more }, budget);
  }

  /** What the daily sweep does with each content that it has not seen. */
  async join(content: VerifiedContent): Promise<number> {
    return (await joinEqual({ engine: this.engine, tenant_id: TENANT, equals: this.equals }, content)).joined;
  }
}
