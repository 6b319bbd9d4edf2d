/**
 * A drive as it was, put beside what it is now: a folder of copies, through the drive's hub. Rows only; bytes that are
 * still there are shared. docs/spec/durability.md, BK10.
 */
import type { Command, Submission } from "../sync/commands.ts";
import { idOfKey } from "../protocol/ids.ts";
import type { TenantId } from "../protocol/ids.ts";

/** Items of a slice: one call of the hub. */
export const ITEMS = 500;

/** An item of the restored rows, parents before children. */
export interface PastItem {
  file_id: string;
  parent_id: string | null;
  name: string;
  is_folder: boolean;
  mime_type: string | null;
  modified_at: number | null;
  content_id: string | null;
}

export interface LivingContent {
  content_id: string;
  content_hash: string;
  size: number;
}

export interface BesideDeps {
  tenant_id: TenantId;
  drive_id: string;
  /** Names the try: a repeat with the same finds what it made. */
  at: number;
  /** Of the folder. */
  name: string;
  /** A page of what lived then, the root folder left out. */
  items(offset: number): Promise<PastItem[]>;
  /**
   * Contents as they are in the tenant, those that were dropped brought back; those whose bytes are gone, or which have
   * no hash yet, are missing.
   */
  revive(content_ids: readonly string[]): Promise<Map<string, LivingContent>>;
  /** In their order; what each left, or why not. */
  submit(submissions: Submission[]): Promise<(string | null)[]>;
  /** Contents that now have a version. */
  settle(content_ids: readonly string[]): Promise<void>;
}

export interface BesideSlice {
  next: number | null;
  made: number;
  /** Items that could not be made, by name of the file that they were. */
  refused: { file_id: string; reason: string }[];
}

export async function putBeside(deps: BesideDeps, offset: number): Promise<BesideSlice> {
  const { tenant_id, drive_id, at } = deps;
  const folderOf = (file_id: string): Promise<string> => idOfKey(tenant_id, `restored/${at}/${file_id}`);
  const submission = (file_id: string, command: Command): Submission => ({
    command,
    // Nobody's device: the drive's own id stands for the operator.
    actor: { user_id: drive_id, device_id: null },
    op_id: `restored/${at}/${file_id}`,
  });
  const top: Command = {
    op: "create_folder",
    parent_id: drive_id,
    name: deps.name,
    on_name_conflict: "rename",
    file_id: await folderOf(drive_id),
  };
  const items = await deps.items(offset);
  const contents = await deps.revive([
    ...new Set(items.map(({ content_id }) => content_id).filter((id) => id !== null)),
  ]);
  const slice: BesideSlice = { next: items.length < ITEMS ? null : offset + items.length, made: 0, refused: [] };
  const asked: { item: PastItem | null; submission: Submission }[] = [];
  if (offset === 0) asked.push({ item: null, submission: submission(drive_id, top) });
  for (const item of items) {
    const { file_id, name, mime_type, modified_at } = item;
    const parent_id = await folderOf(item.parent_id ?? drive_id);
    const content = contents.get(item.content_id ?? "");
    if (item.is_folder) {
      const made = await folderOf(file_id);
      asked.push({
        item,
        submission: submission(file_id, {
          op: "create_folder",
          parent_id,
          name,
          on_name_conflict: "fail",
          file_id: made,
        }),
      });
    } else if (content === undefined)
      slice.refused.push({ file_id, reason: "its bytes are not there, or have no hash yet" });
    else
      asked.push({
        item,
        submission: submission(file_id, {
          op: "create_known",
          content,
          target: { kind: "file", parent_id, name, on_name_conflict: "fail", mime_type, modified_at },
        }),
      });
  }
  const reasons = await deps.submit(asked.map((one) => one.submission));
  for (const [i, { item }] of asked.entries()) {
    const reason = reasons[i] ?? null;
    if (reason === null) slice.made += 1;
    else slice.refused.push({ file_id: item?.file_id ?? drive_id, reason });
  }
  await deps.settle([...contents.keys()]);
  return slice;
}
