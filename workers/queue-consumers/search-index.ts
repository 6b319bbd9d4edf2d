/** Queue `search-index`: what the drive's index knows of each file. docs/spec/search.md. */
import type { FileRow } from "../../core/files/model.ts";
import { type IndexDocument, toDocument } from "../../core/search/document.ts";
import type { DriveIndex } from "../../core/search/ports.ts";
import { collect } from "../../core/storage/collect.ts";
import { readContent } from "../../core/storage/read.ts";
import { currentFiles, existing } from "../../platform/d1/shard/current-files.ts";
import { extractText } from "../../platform/text/extract.ts";
import type { Context, HandlerOf } from "./context.ts";
import { perFile } from "./per-file.ts";

/** Texts of one invocation: a PDF of 200 pages takes seconds of CPU time. */
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
      return perFile(entries, budget, async ({ file_id }) => {
        const found = files.get(file_id);
        if (found === undefined) return forget(file_id, seq);
        const { file, manifest } = found;
        const isIndexed = file_id in indexed && indexed[file_id] === file.content_id;
        if (!isIndexed && manifest !== null) budget.spend();
        const text = isIndexed ? null : await textOf(context, file, manifest);
        await index.put([toDocument(file, text, seq)] satisfies IndexDocument[]);
      });
    },
  };

  /** A purged folder has one entry: what was below it is found in the index and removed where it is gone too. */
  async function forget(file_id: string, seq: number): Promise<void> {
    const below = await index.below([file_id]);
    const left = below.length === 0 ? new Set() : await existing(db, tenant_id, below);
    const gone = [file_id, ...below.filter((id) => !left.has(id))];
    await index.remove(gone.map((id) => ({ file_id: id, seq })));
  }
};

async function textOf({ engine }: Context, file: FileRow, manifest: string | null): Promise<string> {
  if (manifest === null) return "";
  return extractText(file, async (length) =>
    collect(await readContent(engine, file.tenant_id, manifest, 0, length), length),
  );
}
