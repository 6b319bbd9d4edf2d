/** Everything that is asked of a shard day by day, by name, on one drive: for tests of what it costs. */
import type { FileRow, Vector } from "../../../core/files/model.ts";
import { newShareToken } from "../../../core/protocol/ids.ts";
import type { Link } from "../../../core/sharing/links.ts";
import { D1ArchiveStore } from "../../../platform/d1/shard/archive-store.ts";
import { existing, currentFiles } from "../../../platform/d1/shard/current-files.ts";
import type { Due } from "../../../core/verification/ports.ts";
import { D1EqualContents } from "../../../platform/d1/shard/equal-contents.ts";
import { D1EventStore } from "../../../platform/d1/shard/event-store.ts";
import { FileStore } from "../../../platform/d1/shard/file-store.ts";
import { pointersOf, recipientsOf } from "../../../platform/d1/shard/incoming-store.ts";
import { JournalStore, lastSeqs } from "../../../platform/d1/shard/journal-store.ts";
import { lookInto } from "../../../platform/d1/shard/look.ts";
import { D1LinksStore } from "../../../platform/d1/shard/links-store.ts";
import { grantsTo, PermissionsStore } from "../../../platform/d1/shard/permissions-store.ts";
import { readEndings, readOthers } from "../../../platform/d1/shard/others-journal.ts";
import { D1RightsStore, findMany } from "../../../platform/d1/shard/rights-store.ts";
import { hasPeople, peopleOf } from "../../../platform/d1/shard/people-store.ts";
import { D1TierStore, noteReads } from "../../../platform/d1/shard/tier-store.ts";
import { D1UploadStore } from "../../../platform/d1/shard/upload-store.ts";
import { D1VerificationStore } from "../../../platform/d1/shard/verification-store.ts";
import { D1WalkStore } from "../../../platform/d1/shard/walk-store.ts";
import type { DriveFixture } from "./drive-fixture.ts";

export interface Work {
  reads: Record<string, () => Promise<unknown>>;
  changes: Record<string, () => Promise<unknown>>;
}

/** Entries in the folder that is listed. */
export const LISTED = 20;
const PAGE = 10;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/**
 * @param db the drive's shard, as the drive's own commands see it
 * @param name of the folder where it happens; what it leaves in the trash it takes away at its end
 */
export async function driveWork(drive: DriveFixture, db: D1Database, name: string): Promise<Work> {
  const { tenant, root } = drive;
  const me = { kind: "user", user_id: root } as const;
  const { file_id: home } = await drive.folder(name);
  const folder = await drive.folder("listed", home);
  for (let i = 0; i < LISTED; i++) await drive.folder(`entry ${i}`, folder.file_id);
  const file = await drive.file("file.txt", bytes("one"), { parent_id: home });
  await drive.file("file.txt", bytes("two"), { file_id: file.file_id });
  const { permission_id, token } = await drive.grant(folder.file_id, { token: newShareToken(tenant) });
  const binned = await drive.folder("binned", home);
  await drive.run({ op: "trash", file_id: binned.file_id });

  const files = new FileStore(db, tenant);
  const journal = new JournalStore(db, tenant);
  const links = new D1LinksStore(db, tenant);
  const uploads = new D1UploadStore(db, tenant);
  const archives = new D1ArchiveStore(db, tenant);
  const events = new D1EventStore(db, tenant, root, "previews");
  const verifications = new D1VerificationStore(db, tenant, root);
  const equals = new D1EqualContents(db, tenant);
  const seq = await journal.lastSeq(root);
  await events.record({ mark: seq, failed: [], settled: [] });
  const list = (sort: "name" | "updated_at" | "size", order: "asc" | "desc") => async () => {
    const first = await files.contents(me, folder.file_id, { sort, order, limit: PAGE });
    await files.contents(me, folder.file_id, { sort, order, limit: PAGE, cursor: first.page.next_cursor as string });
  };
  const known = (parent_id: string, as: string, base?: Vector) => {
    const { content_id, content_hash, size } = file;
    const content = { content_id: content_id as string, content_hash: content_hash as string, size };
    const rest = { on_name_conflict: "fail", mime_type: null, modified_at: null } as const;
    return drive.run({ op: "create_known", content, target: { kind: "file", parent_id, name: as, base, ...rest } });
  };
  const end = async (file_id: string): Promise<void> => {
    await drive.run({ op: "trash", file_id });
    await drive.run({ op: "purge", file_id });
  };
  let serial = 0;
  let made: FileRow;
  return {
    reads: {
      "contents by name": list("name", "asc"),
      "contents by name, descending": list("name", "desc"),
      "contents by size": list("size", "asc"),
      "contents by time": list("updated_at", "desc"),
      trash: () => files.trash(root, { limit: PAGE }),
      versions: () => files.versions(file.file_id, { limit: PAGE }),
      "bytes of the current version": () => files.bytes(me, file.file_id, null),
      "bytes of a version": () => files.bytes(me, file.file_id, file.version_id as string),
      changes: () => journal.since(root, seq, PAGE),
      activity: () => journal.latest(root, null, PAGE),
      "newest sequence number": () => journal.lastSeq(root),
      "newest sequence numbers": () => lastSeqs(db, [root]),
      "page of a snapshot": () => new D1WalkStore(db, tenant).page(me, [[folder.file_id, ""]], PAGE),
      "page of a snapshot, from its middle": () =>
        new D1WalkStore(db, tenant).page(
          me,
          [
            [root, ""],
            [home, "file.txt"],
            [folder.file_id, "entry 1"],
          ],
          PAGE,
        ),
      rights: () => new D1RightsStore(db, tenant).find(me, file.file_id),
      "rights of many": () => findMany(db, me, [file.file_id, folder.file_id]),
      permissions: () => new PermissionsStore(db, tenant).list(folder.file_id, { limit: PAGE }),
      permission: () => new PermissionsStore(db, tenant).find(folder.file_id, permission_id),
      "grants to one person": () => grantsTo(db, tenant, root, root),
      "drive of others": () => readOthers(db, me, { tenant, drive_id: root, seq, limit: PAGE }),
      "people of a change": () => peopleOf(db, tenant, root, { after: seq - 1, upto: seq }),
      "people of a drive": () => peopleOf(db, tenant, root, { after: null, upto: seq }),
      "whether a drive has people": () => hasPeople(db, tenant, root),
      "what was taken away": () => readEndings(db, me, { tenant, drive_id: root, seq, limit: PAGE }),
      "a look": () => lookInto(db, me, { drive_ids: [root], file_ids: [folder.file_id], since: 0, now: Date.now() }),
      "shared with me": () => pointersOf(db, tenant, root, PAGE),
      "recipients of a grant": () => recipientsOf(db, tenant, [{ file_id: folder.file_id, permission_id }], Date.now()),
      link: () => links.find(token as string),
      "folder behind a link": async () =>
        links.folder((await links.find(token as string)) as Link, folder.file_id, "", PAGE),
      "links that reach a file": () => links.tokensReaching([file.file_id, folder.file_id]),
      "upload session": () => uploads.find(drive.id()),
      "chunks of a session": () => uploads.chunks(drive.id()),
      "class of a file's blocks": () => uploads.blockBits(file.file_id),
      "versions that segments name": () =>
        uploads.versions(me, [{ file_id: file.file_id, version_id: file.version_id as string }]),
      "earlier try of an upload": () => uploads.madeBy(root, ["op", "another"]),
      "versions by hooks": () => uploads.hooked(drive.root, ["0123456789abcdef"]),
      "known content": () => uploads.withContent(root, root, file.content_hash as string, file.size),
      "what a consumer has to do": () => events.pending({ entries: PAGE, due: PAGE }, Date.now()),
      "files of events": () => currentFiles(db, tenant, root, [file.file_id, folder.file_id]),
      "verifications that are due": () => verifications.due(Date.now(), PAGE),
      "equal contents": () => equals.find(file.content_hash as string, file.size),
      "contents to be compared": () => equals.twins(file.content_id as string, "g"),
      archive: () =>
        archives.children(
          [
            { folder_id: folder.file_id, after: "" },
            { folder_id: root, after: "a" },
          ],
          PAGE,
        ),
      "contents of an archive": () => archives.manifests([file.content_id as string]),
      "which files exist": () => existing(db, tenant, [file.file_id, folder.file_id]),
    },
    changes: {
      "new folder": async () => {
        made = await drive.folder(`made ${serial++}`, home);
      },
      "upload of one request, opened": () =>
        uploads.stage(drive.upload(`staged ${serial++}`, 3, { parent_id: home }), 3),
      chunk: async () => {
        const upload = drive.upload(`of chunks ${serial++}`, 3, { parent_id: home });
        const { upload_id } = upload;
        await uploads.stage(upload, 3);
        const place = { pack_id: drive.id(), pack_size: 1, key_version: 1 };
        const content = { size: 3, manifest: "", content_hash: null, hooks: [] };
        await uploads.putChunk({ tenant_id: tenant, upload_id, chunk_index: 0, chunk_id: "a", ...content, ...place });
        await uploads.repeatChunk(upload_id, "a", 1);
      },
      upload: () => drive.file(`uploaded ${serial++}`, bytes("new"), { parent_id: home }),
      "new version": () => drive.file("file.txt", bytes("three"), { file_id: file.file_id }),
      rename: () => drive.run({ op: "update", file_id: made.file_id, name: `renamed ${serial++}` }),
      move: () => drive.run({ op: "update", file_id: made.file_id, parent_id: folder.file_id }),
      copy: () => drive.run({ op: "copy_tree", file_id: made.file_id, parent_id: home, name: `copy ${serial++}` }),
      grant: () => drive.grant(made.file_id),
      "restore of a version": () =>
        drive.run({ op: "restore_version", file_id: file.file_id, version_id: file.version_id as string }),
      "purge of a version": async () => {
        const version_id = (await drive.file("file.txt", bytes("four"), { file_id: file.file_id }))
          .version_id as string;
        await drive.file("file.txt", bytes("five"), { file_id: file.file_id });
        await drive.run({ op: "purge_version", file_id: file.file_id, version_id });
      },
      verification: async () => {
        const { file_id, content_id } = await drive.file(`chunks ${serial++}`, bytes("six"), {
          parent_id: home,
          pending: true,
        });
        const [row] = await verifications.due(Date.now(), 1);
        await verifications.claim(row as Due, Date.now());
        const content_hash = "0".repeat(64);
        const verified = { op: "verify_content", content_hash, integrity: "ok" } as const;
        await drive.run({ ...verified, content_id: content_id as string });
        await verifications.end(content_id as string);
        await drive.run({ op: "trash", file_id });
        await drive.run({ op: "purge", file_id });
      },
      "known content": () => known(home, `known ${serial++}`),
      "conflict copy": async () => {
        const { copy } = await known(home, "file.txt", {});
        await end(copy?.file_id as string);
      },
      "file in a deleted folder": async () => {
        const { file_id } = await drive.folder(`lost ${serial++}`, home);
        await drive.run({ op: "trash", file_id });
        const { file: back } = await known(file_id, "known", {});
        await drive.run({ op: "purge", file_id });
        await end(back?.parent_id as string);
      },
      "delete of a folder in which others may have been": async () => {
        const { file_id, vector: base } = await drive.folder(`left ${serial++}`, home);
        const seen = (await journal.lastSeq(root)) - 3;
        await drive.run({ op: "trash", file_id, base, seen });
        await drive.run({ op: "purge", file_id });
      },
      "reads of packs": () => noteReads(db, tenant, ["0", "1"], ++serial),
      "packs that moved": () =>
        new D1TierStore(db, tenant).settle([{ pack_id: "0", from: "standard", to: "infrequent", read_day: 0 }], 1),
      "purge of old versions": async () => {
        const { version_number } = await drive.file("file.txt", bytes("six"), { file_id: file.file_id });
        await drive.run({ op: "purge_versions", file_id: file.file_id, through: version_number - 1 });
      },
      trash: () => drive.run({ op: "trash", file_id: made.file_id }),
      untrash: () => drive.run({ op: "untrash", file_id: made.file_id }),
      "trash again": () => drive.run({ op: "trash", file_id: made.file_id }),
      purge: () => drive.run({ op: "purge", file_id: made.file_id }),
      "purge of a folder": () => drive.run({ op: "purge", file_id: binned.file_id }),
    },
  };
}
