import { z } from "zod";
import { idSchema, timeSchema } from "./common.ts";
import { fileSchema } from "./files.ts";

export const FILE_TYPES = ["folder", "image", "pdf", "text", "video", "audio", "document", "archive", "other"] as const;
export type FileType = (typeof FILE_TYPES)[number];

export const searchQuerySchema = z.object({
  q: z.string().trim().min(1).max(200),
  type: z.enum(FILE_TYPES).optional(),
  owner: idSchema.optional(),
  after: timeSchema.optional(),
  before: timeSchema.optional(),
  in: idSchema.optional(),
  limit: z.coerce.number().int().min(1).max(100).default(25),
  cursor: z.string().max(200).optional(),
});
export type SearchQuery = z.infer<typeof searchQuerySchema>;

/** `snippet` marks hits by U+0002 before and U+0003 behind: no HTML crosses the wire. */
export const hitSchema = z
  .object({ file: fileSchema, score: z.number(), snippet: z.string().nullable() })
  .meta({ id: "Hit" });
export type Hit = z.infer<typeof hitSchema>;

export const searchAnswerSchema = z
  .object({
    items: z.array(hitSchema),
    next_cursor: z.string().nullable(),
    facets: z.object({ type: z.record(z.string(), z.number().int()) }),
  })
  .meta({ id: "SearchAnswer" });
export type SearchAnswer = z.infer<typeof searchAnswerSchema>;

export const suggestAnswerSchema = z
  .object({ items: z.array(z.object({ file_id: idSchema, name: z.string() })) })
  .meta({ id: "SuggestAnswer" });
