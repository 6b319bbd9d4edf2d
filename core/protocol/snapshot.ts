/** Lines of `GET /sync/snapshot` (`application/x-ndjson`): docs/spec/sync.md, SN1 to SN3. */
import { z } from "zod";
import { folderRefSchema } from "./common.ts";
import { fileSchema } from "./files.ts";

export const SNAPSHOT_MEDIA_TYPE: string = "application/x-ndjson";

/**
 * Of a stream that begins anew the first line is `start`, of one that goes on (`after`) none. Parents come before
 * children; what is shared with the caller is known by its parent, which is not told. Without `end` it is not whole.
 */
export const snapshotLineSchema = z
  .discriminatedUnion("type", [
    /** From where to read on with `changes`. */
    z.object({ type: z.literal("start"), cursor: z.string() }),
    z.object({ type: z.literal("file"), file: fileSchema }),
    /** Where a stream that broke goes on; files behind the last of these lines come again. */
    z.object({ type: z.literal("page"), after: z.string() }),
    z.object({ type: z.literal("end") }),
  ])
  .meta({ id: "SnapshotLine" });
export type SnapshotLine = z.infer<typeof snapshotLineSchema>;

/** Characters. */
export const AFTER_MAX = 16_000;

export const snapshotQuerySchema = z.object({
  /** Of the last `page` line that came. */
  after: z.string().max(AFTER_MAX).optional(),
  /** This item with all below it; without it all that the caller sees. */
  folder_id: folderRefSchema.optional(),
});
