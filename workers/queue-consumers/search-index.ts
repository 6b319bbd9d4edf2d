/** Queue `search-index`: what the drive's index knows of each file. docs/spec/search.md. */
import type { FileRow } from "../../core/files/model.ts";
import { type IndexDocument, toDocument } from "../../core/search/document.ts";
import type { DriveIndex } from "../../core/search/ports.ts";
import { fileTypeOf } from "../../core/search/file-type.ts";
import { textWork } from "../../core/search/text.ts";
import { collect } from "../../core/storage/collect.ts";
import { readContent } from "../../core/storage/read.ts";
import { currentFiles, existing } from "../../platform/d1/shard/current-files.ts";
import { extractText } from "../../platform/text/extract.ts";
import type { Budget, Context, HandlerOf } from "./context.ts";
import { perFile } from "./per-file.ts";

/**
 * Texts of one invocation; a PDF counts for several. Of the 30 s of CPU time that an invocation has by default the
 * costliest run takes about 20. A higher limit is for paid accounts only: others could not deploy with it.
 */
export const TEXTS = 20;

export const searchIndexHandler: HandlerOf = (context, { db, tenant_id }, { drive_id }, budget) => {
  const { SEARCH_INDEX } = context.env;
  const index = SEARCH_INDEX.get(SEARCH_INDEX.idFromName(drive_id)) as unknown as DriveIndex;
  return {
    name: "search-index",

    async handle(entries) {
      const { seq, files } = await currentFiles(
        db,
        tenant_id,
        drive_id,
        entries.map((entry) => entry.file_id),
      );
      const indexed = await index.contents([...files.keys()]);
      // One call of the index a run: its text is 20 MB at most, of the 32 MB that a call may have.
      const documents: IndexDocument[] = [];
      const purged: string[] = [];
      const handled = await perFile(entries, budget, async ({ file_id }) => {
        const found = files.get(file_id);
        if (found === undefined) return void purged.push(file_id);
        const { file, manifest } = found;
        const known = indexed[file_id];
        // The name decides whether there is a text to be read: a new one may bring another type.
        const isRead = known?.content_id === file.content_id && known.type === fileTypeOf(file);
        const text = isRead ? null : await textOf(context, file, manifest, budget);
        documents.push(toDocument(file, text, seq));
      });
      if (documents.length > 0) await index.put(documents);
      if (purged.length > 0) await forget(purged, seq);
      return handled;
    },
  };

  /** A purged folder has one entry: what was below it is found in the index and removed where it is gone too. */
  async function forget(file_ids: string[], seq: number): Promise<void> {
    const below = await index.below(file_ids);
    const left = below.length === 0 ? new Set() : await existing(db, tenant_id, below);
    const gone = [...file_ids, ...below.filter((id) => !left.has(id))];
    await index.remove(gone.map((id) => ({ file_id: id, seq })));
  }
};

async function textOf({ engine }: Context, file: FileRow, manifest: string | null, budget: Budget): Promise<string> {
  if (manifest === null) return "";
  // Spent before it is known to end: what fails has cost as much.
  const expected = textWork(file, 0);
  budget.spend(expected);
  const { text, pages } = await extractText(file, async (length) =>
    collect(await readContent(engine, file.tenant_id, manifest, 0, length), length),
  );
  budget.spend(textWork(file, pages) - expected);
  return text;
}
