/** Rows of a drive that has grown: what a million uploads leave in a shard, made by SQLite itself. Bytes there are none. */
import { CONSUMERS } from "../../core/events/wake.ts";
import type { TenantId } from "../../core/protocol/ids.ts";

/** The parts of D1 that are needed here; Miniflare's and the platform's types differ in the rest. */
export interface Shard {
  prepare(sql: string): { bind(...values: unknown[]): { run(): Promise<unknown> } };
}

interface Drive {
  tenant_id: TenantId;
  drive_id: string;
}

/** Rows of a table that one statement makes. */
const SLICE = 50_000;
const PER_FOLDER = 1_000;
/** Every tenth file has an older version, every thousandth a link; sessions of the last day are not swept yet. */
const OLDER_EVERY = 10;
const LINK_EVERY = 1_000;
/** A fifth of the files is larger than 1 MiB, with three hooks or so each. */
const HOOK_EVERY = 2;
const DAY_OF_SESSIONS = 5_000;

const KINDS = ["file", "version", "content", "upload", "operation", "folder", "older", "older content", "older upload"];
type Kind = (typeof KINDS)[number];

/** When file 0 was made, and how many milliseconds lie between two: the last thirty days for a million. */
const BORN = Date.now() - 30 * 86_400_000;
const APART = 2_500;
const at = (i: string): string => `(${BORN} + ${i} * ${APART})`;

/** 32 bits that look random, of number `i`. */
const scatter = (i: string): string => `(((${i}) * 2654435761) & 4294967295)`;

/** The id of thing `i` of a kind, laid out as `core/protocol/ids.ts` says. */
function idOf({ tenant_id }: Drive, kind: Kind, i = "i"): string {
  const high = (0x8000 | (tenant_id >>> 20)).toString(16);
  const middle = (0x8000 | ((tenant_id & 0xfffff) >>> 6)).toString(16);
  const low = (((tenant_id & 0x3f) << 10) | KINDS.indexOf(kind)).toString(16).padStart(4, "0");
  return `printf('%08x-%04x-${high}-${middle}-${low}%08x', ${at(i)} >> 16, ${at(i)} & 65535, ${scatter(i)})`;
}

const HASH = `(printf('%08x%08x%08x%08x', ${[1, 2, 3, 4].map((n) => scatter(`i + ${n} * 7919`)).join(", ")})
  || printf('%08x%08x%08x%08x', ${[5, 6, 7, 8].map((n) => scatter(`i + ${n} * 7919`)).join(", ")}))`;
/** As long as the root of a content of one block. */
const MANIFEST = `(${HASH} || ${HASH} || substr(${HASH}, 1, 40))`;
const SIZE = `(1000 + ${scatter("i")} % 100000)`;
const TYPE = `case i % 4 when 0 then 'application/pdf' when 1 then 'text/plain' when 2 then 'image/jpeg' else null end`;

const numbers = (step: number): string =>
  `with recursive n (i) as (select cast(?1 as integer) union all select i + ${step} from n where i + ${step} < ?2)`;

interface Made {
  into: string;
  columns: Record<string, string>;
  /** One of so many. */
  every?: number;
  from?: (files: number) => number;
}

function tables(drive: Drive): Made[] {
  const id = (kind: Kind, i?: string): string => idOf(drive, kind, i);
  const tenant = String(drive.tenant_id);
  const me = `'${drive.drive_id}'`;
  const number = `(1 + (i % ${OLDER_EVERY} = 0))`;
  const pack = (upload: Kind): string => `replace(${id(upload)}, '-', '') || printf('%08x%08x', ${scatter("i")}, i)`;
  const content = (kind: Kind): Made["columns"] => ({
    tenant_id: tenant,
    content_id: id(kind),
    content_hash: HASH,
    size: SIZE,
    manifest: MANIFEST,
    created_at: at("i"),
  });
  const packOf = (upload: Kind): Made["columns"] => ({
    tenant_id: tenant,
    pack_id: pack(upload),
    state: "'live'",
    size: `${SIZE} + 300`,
    key_version: "1",
    created_at: at("i"),
    changed_at: at("i"),
  });
  const version = (kind: Kind, content_kind: Kind, version_number: string): Made["columns"] => ({
    tenant_id: tenant,
    file_id: id("file"),
    version_number,
    version_id: id(kind),
    content_id: id(content_kind),
    content_hash: HASH,
    size: SIZE,
    mime_type: TYPE,
    created_by: me,
    created_at: at("i"),
    is_shared: "0",
  });
  const file: Made["columns"] = {
    tenant_id: tenant,
    drive_id: me,
    created_by: me,
    created_at: at("i"),
    updated_at: at("i"),
  };
  const entry: Made["columns"] = { tenant_id: tenant, drive_id: me, actor_id: me, at: at("i") };
  return [
    {
      into: "files",
      every: PER_FOLDER,
      columns: {
        ...file,
        file_id: id("folder"),
        parent_id: me,
        name: "printf('Folder %07d', i)",
        name_key: "printf('folder %07d', i)",
        is_folder: "1",
      },
    },
    {
      into: "files",
      columns: {
        ...file,
        file_id: id("file"),
        parent_id: id("folder", `i / ${PER_FOLDER} * ${PER_FOLDER}`),
        name: "printf('Document %07d.pdf', i)",
        name_key: "printf('document %07d.pdf', i)",
        is_folder: "0",
        size: SIZE,
        mime_type: TYPE,
        content_id: id("content"),
        content_hash: HASH,
        version_id: id("version"),
        version_number: number,
        version_count: number,
        vector: `'{${`"${drive.drive_id}":1`}}'`,
      },
    },
    { into: "versions", columns: version("version", "content", number) },
    { into: "contents", columns: content("content") },
    { into: "packs", columns: packOf("upload") },
    {
      into: "journal",
      columns: { ...entry, seq: "i + 1", op: "'created'", file_id: id("file"), op_id: id("operation") },
    },
    { into: "versions", every: OLDER_EVERY, columns: version("older", "older content", "1") },
    { into: "contents", every: OLDER_EVERY, columns: content("older content") },
    { into: "packs", every: OLDER_EVERY, columns: packOf("older upload") },
    {
      into: "hooks",
      every: HOOK_EVERY,
      columns: {
        tenant_id: tenant,
        drive_id: me,
        hash: `substr(${HASH}, 1, 16)`,
        content_id: id("content"),
        file_id: id("file"),
        version_id: id("version"),
      },
    },
    {
      into: "permissions",
      every: LINK_EVERY,
      columns: {
        tenant_id: tenant,
        file_id: id("file"),
        permission_id: id("operation"),
        drive_id: me,
        kind: "'link'",
        permission: "'view'",
        token: `substr(${HASH}, 1, 27)`,
        created_by: me,
        created_at: at("i"),
      },
    },
    {
      into: "uploads",
      from: (files) => Math.max(0, files - DAY_OF_SESSIONS),
      columns: {
        tenant_id: tenant,
        upload_id: id("upload"),
        drive_id: me,
        state: "'committed'",
        target: `json_object('kind', 'file', 'parent_id', ${me}, 'name', printf('Document %07d.pdf', i))`,
        size: SIZE,
        reserved_bytes: "0",
        part_size: "8388608",
        created_by: me,
        file_id: id("file"),
        created_at: at("i"),
        expires_at: String(Date.now() + 86_400_000),
      },
    },
  ];
}

/** Puts `files` files into a new drive of a tenant that has only this one. Consumers have read what it says of them. */
export async function fillDrive(shard: Shard, drive: Drive, files: number): Promise<void> {
  const run = (sql: string, ...values: unknown[]): Promise<unknown> =>
    shard
      .prepare(sql)
      .bind(...values)
      .run();
  // What there is of the journal comes behind what is made.
  await run("delete from journal where tenant_id = ?1 and drive_id = ?2", drive.tenant_id, drive.drive_id);
  for (const { into, columns, every = 1, from = () => 0 } of tables(drive)) {
    const names = Object.keys(columns).join(", ");
    const sql = `${numbers(every)} insert into ${into} (${names}) select ${Object.values(columns).join(", ")} from n`;
    for (let low = from(files); low < files; low += SLICE * every)
      await run(sql, low, Math.min(files, low + SLICE * every));
  }
  await run(
    `update drives set seq = ?3, due = (select json_group_object(value, cast(?3 as integer)) from json_each(?4)), used_bytes = (select coalesce(sum(size), 0) from files where tenant_id = ?1)
     where tenant_id = ?1 and drive_id = ?2`,
    drive.tenant_id,
    drive.drive_id,
    files,
    JSON.stringify(CONSUMERS),
  );
  await run(
    `insert into event_marks (tenant_id, drive_id, consumer, seq)
     select ?1, ?2, value, ?3 from json_each(?4) where true
     on conflict do update set seq = excluded.seq`,
    drive.tenant_id,
    drive.drive_id,
    files,
    JSON.stringify(CONSUMERS),
  );
}
