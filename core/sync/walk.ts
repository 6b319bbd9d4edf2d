/** A walk over a tree in pages, which can go on from any of them: parents before children. docs/spec/sync.md, SN1 to SN3. */
import { z } from "zod";
import type { FileRow } from "../files/model.ts";
import type { PermissionWord } from "../protocol/common.ts";
import { DriveError } from "../protocol/errors.ts";
import { idSchema } from "../protocol/ids.ts";
import { type Access, atLeast, canView, permissionOf, type Principal } from "../sharing/rights.ts";
import { fromBase64, toBase64 } from "../storage/binary.ts";

/** In the folder, what lies behind the name's key; "" is before all names. */
export type Place = readonly [folder_id: string, after: string];

/** What is left of a walk, the last place first. */
export type Places = readonly Place[];

export interface WalkStore {
  /**
   * One state of both: the rights on the places' folders, and what comes next, at most `limit` files. `level` is the
   * place that a file was found from, counted from the first, and one more with each folder on the way.
   */
  page(
    principal: Principal,
    places: Places,
    limit: number,
  ): Promise<{ accesses: Map<string, Access>; rows: { level: number; file: FileRow }[] }>;
}

export interface Seen {
  file: FileRow;
  permission: PermissionWord;
}

const higher = (a: PermissionWord, b: PermissionWord | undefined): PermissionWord =>
  b !== undefined && atLeast(b, a) ? b : a;

/** Where the walk goes on behind these rows. */
function placesBehind(places: Places, rows: readonly { level: number; file: FileRow }[]): Places {
  const next = [...places];
  for (const { level, file } of rows) {
    next.length = level;
    next.push([file.parent_id as string, file.name_key]);
    if (file.is_folder) next.push([file.file_id, ""]);
  }
  return next;
}

/**
 * Pages of all living files below the places, each with where the walk goes on behind it. A folder that the principal does
 * not see any more is left; one that moved meanwhile is walked to its end, and may be walked twice.
 * @param direct what is granted on items themselves
 */
export async function* walk(
  store: WalkStore,
  principal: Principal,
  start: Places,
  options: { limit: number; direct: ReadonlyMap<string, PermissionWord> },
): AsyncGenerator<{ seen: Seen[]; places: Places }> {
  let places = start;
  while (places.length > 0) {
    const { accesses, rows } = await store.page(principal, places, options.limit);
    const permissions = new Map<string, PermissionWord>();
    for (const [folder_id] of places) {
      const access = accesses.get(folder_id);
      const permission = access !== undefined && canView(principal, access) ? permissionOf(principal, access) : null;
      if (permission !== null) permissions.set(folder_id, permission);
    }
    const open = places.filter(([folder_id]) => permissions.has(folder_id));
    if (open.length < places.length) {
      places = open;
      continue;
    }
    const seen = rows.map(({ file }) => {
      const above = permissions.get(file.parent_id as string) as PermissionWord;
      const permission = higher(above, options.direct.get(file.file_id));
      permissions.set(file.file_id, permission);
      return { file, permission };
    });
    places = rows.length < options.limit ? [] : placesBehind(places, rows);
    yield { seen, places };
  }
}

/** Which item is walked ("" for the caller's own drive), and where. */
export interface Position {
  item_id: string;
  places: Places;
}

/** Folders are 128 deep at most; two places may be of one level when the tree changed meanwhile. */
const PLACES_MAX = 256;
const positionSchema = z.tuple([
  z.union([idSchema, z.literal("")]),
  z.array(z.tuple([idSchema, z.string().max(1024)])).max(PLACES_MAX),
]);

/** For an address: base64url. */
export const formatPosition = ({ item_id, places }: Position): string =>
  toBase64(new TextEncoder().encode(JSON.stringify([item_id, places])))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** Throws `cursor_invalid`. */
export function parsePosition(text: string): Position {
  try {
    const bytes = fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
    const [item_id, places] = positionSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    return { item_id, places };
  } catch {
    throw new DriveError("cursor_invalid", "This place in a snapshot is not one of ours.");
  }
}
