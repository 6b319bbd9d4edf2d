/** Queue `previews`: pictures in three sizes of what is a picture. docs/spec/previews.md. */
import { collect } from "../../core/storage/collect.ts";
import { admit, mayHavePicture } from "../../core/previews/rules.ts";
import { readContent } from "../../core/storage/read.ts";
import { currentFiles } from "../../platform/d1/shard/current-files.ts";
import { makeThumbnails } from "../../platform/images/thumbnails.ts";
import type { JournalRow } from "../../core/files/model.ts";
import type { TenantId } from "../../core/protocol/ids.ts";
import type { Context, HandlerOf } from "./context.ts";
import { perFile } from "./per-file.ts";

/** Pictures of one invocation: up to 2 s of CPU time each, of the 30 s that there are. */
export const PICTURES = 8;

export const previewsHandler: HandlerOf = (context, { db, tenant_id }, { drive_id }, budget) => ({
  name: "previews",

  async handle(entries) {
    const changed = entries.filter((entry) => entry.op === "created" || entry.op === "modified");
    const { files } = await currentFiles(
      db,
      tenant_id,
      drive_id,
      changed.map((entry) => entry.file_id),
    );
    return perFile(entries, budget, async ({ file_id }) => {
      const found = files.get(file_id);
      if (found === undefined || found.manifest === null || !mayHavePicture(found.file)) return;
      const content_id = found.file.content_id as string;
      if (await context.derived.isMade(tenant_id, content_id)) return;
      budget.spend();
      await make(context, tenant_id, content_id, found.manifest, found.file.size);
    });
  },

  async bury({ file_id }: JournalRow) {
    const { files } = await currentFiles(db, tenant_id, drive_id, [file_id]);
    const content_id = files.get(file_id)?.file.content_id ?? null;
    if (content_id !== null) await context.derived.putNone(tenant_id, content_id);
  },
});

async function make(
  { engine, derived }: Context,
  tenant_id: TenantId,
  content_id: string,
  manifest: string,
  size: number,
): Promise<void> {
  const bytes = await collect(await readContent(engine, tenant_id, manifest, 0, size), size);
  const header = admit(bytes);
  if (header === null) return derived.putNone(tenant_id, content_id);
  let pictures;
  try {
    pictures = await makeThumbnails(bytes, header);
  } catch (error) {
    // Damaged: it will not decode the next time either, so it is no failure.
    console.warn({ message: "a picture cannot be decoded", content_id, error: (error as Error).name });
    return derived.putNone(tenant_id, content_id);
  }
  return derived.put(tenant_id, content_id, pictures);
}
