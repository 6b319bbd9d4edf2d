/** Jobs of the backup: a drive's changes, a tenant, the directory. docs/spec/durability.md, BK5 to BK7 and BK12. */
import { type FullDeps, runFull, writeSegments } from "../../core/backup/full.ts";
import { masterBackupKeys, tenantBackupKeys } from "../../core/backup/keys.ts";
import { expireBackups } from "../../core/backup/retention.ts";
import { Vault } from "../../core/backup/vault.ts";
import type { CleanupJob } from "../../core/events/wake.ts";
import type { TenantId } from "../../core/protocol/ids.ts";
import { D1DirectorySource } from "../../platform/d1/directory/backup.ts";
import { D1BackupSource } from "../../platform/d1/shard/backup-source.ts";
import type { Unsaved } from "../../platform/d1/shard/lagging-drives.ts";
import type { Context } from "./context.ts";
import { keepErased } from "./stay-erased.ts";
import { sendAll } from "./send.ts";

type Job<Name extends CleanupJob["job"]> = Extract<CleanupJob, { job: Name }>;

/** Segments of one job; the rest is the next job's. */
const SEGMENTS = 10;
/** And pages of a full backup. */
const PAGES = 200;
/** A change that has not been backed up for so long is worth an alert. Milliseconds. */
const LATE = 15 * 60_000;

const vaultOf = (context: Context, tenant_id: TenantId): Vault =>
  new Vault(context.engine.objects, context.engine.codec, tenantBackupKeys(context.engine.keys, tenant_id));

const directoryVault = (context: Context): Vault =>
  new Vault(context.engine.objects, context.engine.codec, masterBackupKeys(context.keys));

export async function backUpUnsaved(context: Context, shard: string, found: readonly Unsaved[]): Promise<void> {
  const places = await context.shards.findMany([...new Set(found.map(({ tenant_id }) => tenant_id))]);
  // What the directory does not know, or has elsewhere, nobody can reach: a try to make it was cut short.
  const unsaved = found.filter(({ tenant_id }) => places.get(tenant_id)?.shard === shard);
  const late = unsaved.filter(({ since }) => context.now() - since > LATE);
  if (late.length > 0)
    console.error({
      message: "changes wait for their backup",
      shard,
      drives: late.length,
      oldest: new Date(Math.min(...late.map(({ since }) => since))).toISOString(),
    });
  const fresh = new Set(unsaved.filter(({ is_new }) => is_new === 1).map(({ tenant_id }) => tenant_id));
  const known = unsaved.filter(({ is_new }) => is_new === 0);
  await sendAll(context.env.CLEANUP, [
    ...[...fresh].map((tenant_id): CleanupJob => ({ job: "backup_tenant", shard, tenant_id })),
    ...known.map(({ tenant_id, drive_id }): CleanupJob => ({ job: "backup_drive", shard, tenant_id, drive_id })),
  ]);
}

export async function backUpDrive(context: Context, db: D1Database, job: Job<"backup_drive">): Promise<void> {
  const { tenant_id, drive_id } = job;
  if ((await context.shards.find(tenant_id))?.shard !== job.shard) return;
  const source = new D1BackupSource(db, tenant_id);
  const left = await writeSegments({ vault: vaultOf(context, tenant_id), source, tenant_id, drive_id }, SEGMENTS);
  if (left === "more") await context.env.CLEANUP.send(job);
}

/** The daily one of each tenant, and the first one. */
export async function backUpTenant(context: Context, db: D1Database, job: Job<"backup_tenant">): Promise<void> {
  const { tenant_id, shard } = job;
  const source = new D1BackupSource(db, tenant_id);
  if ((await context.shards.find(tenant_id))?.shard !== shard) return;
  const vault = vaultOf(context, tenant_id);
  const state = await runFull({ scope: tenant_id, source, tenant: source, vault, pages: PAGES }, job.state ?? null);
  if (state !== null)
    await context.env.CLEANUP.send({ job: "backup_tenant", shard, tenant_id, state } satisfies CleanupJob);
  else await expireBackups(vault, tenant_id, context.now());
}

export async function backUpDirectory(context: Context, job: Job<"backup_directory">): Promise<void> {
  // Before it is read: a backup must not have them either. One that fails holds up no backup.
  if (job.state === undefined)
    await keepErased(context).catch((error: unknown) =>
      console.error({ message: "the erased could not be looked after", error: String(error) }),
    );
  const vault = directoryVault(context);
  const source = new D1DirectorySource(context.env.DIRECTORY);
  const deps: FullDeps = { scope: "directory", source, tenant: null, vault, pages: PAGES };
  const state = await runFull(deps, job.state ?? null);
  if (state !== null) await context.env.CLEANUP.send({ job: "backup_directory", state } satisfies CleanupJob);
  else await expireBackups(vault, "directory", context.now());
}
