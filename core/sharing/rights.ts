/** Who may do what: decided here, for every door. docs/spec/access.md, A1 to A6. */
import type { PermissionWord } from "../protocol/common.ts";
import { DriveError } from "../protocol/errors.ts";
import type { FileRow } from "../files/model.ts";

/** Who asks: a signed-in user, or anyone who holds a link. */
export type Principal = { kind: "user"; user_id: string } | { kind: "link"; permission_id: string };
export type Person = Extract<Principal, { kind: "user" }>;

export interface Grant {
  file_id: string;
  permission: PermissionWord;
  /** Milliseconds since the epoch; null when it does not end by itself. */
  expires_at: number | null;
}

/** A file with all that decides about it: one query finds it. */
export interface Access {
  file: FileRow;
  /** The file itself and its ancestors, nearest first, up to the root folder. */
  chain: { file_id: string; name: string; trashed_at: number | null }[];
  /** Living grants of the principal anywhere on the chain. */
  grants: Grant[];
}

/** Grants of the chain reach everything below them. */
export interface RightsStore {
  find(principal: Principal, file_id: string): Promise<Access | null>;
}

const RANK: Record<PermissionWord, number> = { view: 1, comment: 2, edit: 3, owner: 4 };

export const atLeast = (held: PermissionWord | null, wanted: PermissionWord): boolean =>
  held !== null && RANK[held] >= RANK[wanted];

/** The highest of: owner of the drive, direct grant, grant on an ancestor. */
export function permissionOf(
  principal: Principal,
  { file, grants }: Pick<Access, "file" | "grants">,
): PermissionWord | null {
  if (principal.kind === "user" && principal.user_id === file.drive_id) return "owner";
  let best: PermissionWord | null = null;
  for (const { permission } of grants) if (best === null || RANK[permission] > RANK[best]) best = permission;
  return best;
}

/** Whether the principal may view what lives: `decide` for what is only a candidate. */
export const canView = (principal: Principal, access: Access): boolean =>
  permissionOf(principal, access) !== null && access.chain.every((f) => f.trashed_at === null);

/** What the principal sees of it now; null for nothing. */
export function viewOf(principal: Principal, access: Access | undefined): Granted | null {
  if (access === undefined || !canView(principal, access)) return null;
  return { ...access, permission: permissionOf(principal, access) as PermissionWord };
}

/** Until when the principal holds at least `wanted`: milliseconds since the epoch, `Infinity` for good, null for not at all. */
export function heldUntil(
  principal: Principal,
  access: Pick<Access, "file" | "grants">,
  wanted: PermissionWord,
): number | null {
  if (principal.kind === "user" && principal.user_id === access.file.drive_id) return Infinity;
  const ends = access.grants
    .filter(({ permission }) => atLeast(permission, wanted))
    .map(({ expires_at }) => expires_at ?? Infinity);
  return ends.length === 0 ? null : Math.max(...ends);
}

export interface Granted extends Access {
  permission: PermissionWord;
}

const unknown = (): DriveError => new DriveError("not_found", "There is no such file.");

/**
 * The file, if the principal holds at least `wanted` on it. An unknown id, another tenant's id and a file that the
 * principal may not even view are the same `not_found`; a viewed file that wants more is `forbidden`.
 * `trashed` for those who could read it, unless `allowTrashed`.
 */
export function decide(
  access: Access | null,
  principal: Principal,
  wanted: PermissionWord,
  options: { allowTrashed?: boolean } = {},
): Granted {
  if (access === null) throw unknown();
  const permission = permissionOf(principal, access);
  if (permission === null) throw unknown();
  const trashed = access.chain.some((f) => f.trashed_at !== null);
  // A link shows what lives; what its owner trashed is gone for those who hold it.
  if (trashed && principal.kind === "link") throw unknown();
  if (trashed && options.allowTrashed !== true)
    throw new DriveError("trashed", "This is in the trash.", { file_id: access.file.file_id });
  if (!atLeast(permission, wanted))
    throw new DriveError("forbidden", `This needs the permission “${wanted}”; you have “${permission}”.`);
  return { ...access, permission };
}

/** Finds and decides. */
export const requireRight = async (
  store: RightsStore,
  principal: Principal,
  file_id: string,
  wanted: PermissionWord,
  options: { allowTrashed?: boolean } = {},
): Promise<Granted> => decide(await store.find(principal, file_id), principal, wanted, options);
