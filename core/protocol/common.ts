/** Pieces that several wire schemas share. Fields are snake_case, times RFC 3339 UTC, sizes bytes, hashes lower-case hex SHA-256. */
import { z } from "zod";
import { idSchema } from "./ids.ts";

export { idSchema };

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, "is not a lower-case hex SHA-256");
export const timeSchema = z.iso.datetime({ offset: true });
export const sizeSchema = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** `root` stands for the caller's root folder. */
export const folderRefSchema = z.union([idSchema, z.literal("root")]);

export const LIST_LIMIT_DEFAULT = 200;
export const LIST_LIMIT_MAX = 1000;

/** Query of every list. */
export const pageQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(LIST_LIMIT_MAX).default(LIST_LIMIT_DEFAULT),
  cursor: z.string().max(2048).optional(),
});

/** A page of a list; `next_cursor` is null at the end. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next_cursor: z.string().nullable() });

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export const permissionWordSchema = z.enum(["view", "comment", "edit", "owner"]);
export type PermissionWord = z.infer<typeof permissionWordSchema>;

/** RFC 9457 problem details; `code` is stable. */
export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string(),
    detail: z.string(),
    request_id: z.string(),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof problemSchema>;

/** Milliseconds since the epoch to RFC 3339. */
export const toTime = (ms: number): string => new Date(ms).toISOString();
/** RFC 3339 to milliseconds since the epoch. */
export const fromTimeOrNull = (time: string | undefined): number | null =>
  time === undefined ? null : Date.parse(time);
export const toTimeOrNull = (ms: number | null): string | null => (ms === null ? null : toTime(ms));
