/** What stops syncing before it does harm: BR1, BR2. */
import { type Disk, DiskError, PRIVATE } from "./ports.ts";
import type { Plan } from "./plan/index.ts";
import type { SyncState } from "./state.ts";

/** In the synced folder; bears the id of the pairing. */
export const MARKER = `${PRIVATE}/pairing`;

/** Deletions that are made without asking. */
const FEW = 50;
const SHARE = 0.25;

export type Stop =
  | { why: "root_missing" | "marker_missing" | "other_pairing" | "other_account" }
  | { why: "mass_deletion"; side: "here" | "there"; count: number; of: number };

async function readMarker(disk: Disk): Promise<string | null> {
  try {
    const file = await disk.open(MARKER);
    try {
      return new TextDecoder().decode(await file.read(0, 1000));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof DiskError && error.problem === "missing") return null;
    throw error;
  }
}

/** Null when the folder is the one that was paired. */
export async function checkRoot(disk: Disk, pairing: string): Promise<Stop | null> {
  try {
    await disk.list("");
  } catch (error) {
    if (error instanceof DiskError) return { why: "root_missing" };
    throw error;
  }
  const marker = await readMarker(disk);
  if (marker === null) return { why: "marker_missing" };
  return marker === pairing ? null : { why: "other_pairing" };
}

/** Makes a folder the one of this pairing. */
export async function pair(disk: Disk, pairing: string): Promise<void> {
  const writer = await disk.write(MARKER, "anew");
  try {
    await writer.append(new TextEncoder().encode(pairing));
    await writer.finish({ modified_ms: null, executable: false });
  } finally {
    await writer.close();
  }
}

/** Null when a plan deletes few, or little of what there is. */
export function massDeletion({ up, down }: Plan, state: SyncState): Stop | null {
  let there = 0;
  for (const one of up) if (one.kind === "trash") there += 1 + [...state.remote.tree.below(one.file_id)].length;
  const here = down.filter(({ kind }) => kind === "remove").length;
  const of = state.synced.size;
  const [side, count] = there >= here ? (["there", there] as const) : (["here", here] as const);
  return count > FEW && count > of * SHARE ? { why: "mass_deletion", side, count, of } : null;
}
