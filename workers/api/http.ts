/** What routes share: problem answers in the document, JSON bodies with bounds, who calls. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Claims } from "../../core/identity/model.ts";
import { DriveError } from "../../core/protocol/errors.ts";
import { problemSchema } from "../../core/protocol/common.ts";
import { idSchema } from "../../core/protocol/ids.ts";
import type { Principal } from "../../core/sharing/rights.ts";
import type { Actor, Submission } from "../../core/sync/commands.ts";
import type { AppEnv } from "./types.ts";

export const BASE = "/api/v1";

/** JSON bodies: far above any honest one. */
export const JSON_MAX_BYTES = 1_048_576;

export const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

export const body = <T extends z.ZodType>(schema: T) => ({
  body: { content: { "application/json": { schema } }, required: true },
});

/** Every route can answer a problem; the codes are in its `code`. */
export const problems = {
  default: { description: "A problem (RFC 9457)", content: { "application/problem+json": { schema: problemSchema } } },
} as const;

export const noContent = { 204: { description: "Done" } } as const;

export const signedIn = [{ bearer: [] }];

export const fileParams = z.object({ id: idSchema });

/** `{id}` of a folder: an id, or `root`. */
export const folderParams = z.object({ id: z.union([idSchema, z.literal("root")]) });

export const principalOf = (c: Context<AppEnv>): Extract<Principal, { kind: "user" }> => ({
  kind: "user",
  user_id: c.var.claims.user_id,
});

/** `root` is the caller's root folder, whose id is the user's. */
export const folderId = (c: Context<AppEnv>, ref: string): string => (ref === "root" ? c.var.claims.user_id : ref);

const KEY = /^[\x21-\x7e]{1,100}$/;

/** For routes whose document names the header. */
export const idempotencyHeaders = z.object({
  "idempotency-key": z.string().regex(KEY, "must be 1 to 100 visible ASCII characters").optional(),
});

/** Throws `invalid_request` for one that is none. */
export function idempotencyKey(c: Context<AppEnv>): string | undefined {
  const key = c.req.header("idempotency-key");
  if (key !== undefined && !KEY.test(key))
    throw new DriveError("invalid_request", "Idempotency-Key must be 1 to 100 visible ASCII characters.");
  return key;
}

const actorOf = ({ user_id, device_id, device_name }: Claims): Actor => ({
  user_id,
  device_id,
  device_name: device_name === "" ? null : device_name,
});

export const submissionOf = (c: Context<AppEnv>): Pick<Submission, "actor" | "op_id"> => ({
  actor: actorOf(c.var.claims),
  op_id: c.var.op_id,
});

/** Things that are wrong with an input, as far as they are told. */
const ISSUES_TOLD = 20;

/** The first thing that is wrong with an input, in words. */
export function invalid(error: z.core.$ZodError): DriveError {
  const issues = error.issues.slice(0, ISSUES_TOLD).map(({ path, message }) => ({ path: path.join("."), message }));
  const first = issues[0];
  const where = first === undefined || first.path === "" ? "" : `${first.path}: `;
  return new DriveError("invalid_request", `${where}${first?.message ?? "The request is not valid."}`, { issues });
}

/** Parses a body that the framework does not, with the same error. */
export async function readJson<T extends z.ZodType>(c: Context<AppEnv>, schema: T): Promise<z.infer<T>> {
  let value: unknown;
  try {
    value = await c.req.json();
  } catch {
    throw new DriveError("invalid_request", "The body is not valid JSON.");
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalid(parsed.error);
  return parsed.data;
}
