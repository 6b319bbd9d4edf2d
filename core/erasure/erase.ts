/**
 * The end of a deleted tenant: the keys first, then all the rest. docs/spec/identity.md, I14 and I15.
 *
 *   tombstone -> close -> keys' copies -> drives' objects -> metadata, page by page
 *         -> (rounds and the sweep of uploads delete packs) -> what is left -> done
 *
 * Each step can be repeated, and the note that it is done comes last: a crash anywhere leaves what the next tick does again.
 */
import type { ErasurePorts } from "./ports.ts";

/** First of all, and at once: what the door waits for. From then on no byte of the tenant can be read. */
export async function withdrawKeys(ports: Pick<ErasurePorts, "store" | "bury" | "forgetKeys">): Promise<void> {
  const { store, bury, forgetKeys } = ports;
  await bury();
  await store.close();
  await forgetKeys();
}

/** @param pages of metadata that may be deleted now. @returns whether all is gone */
export async function eraseTenant(ports: ErasurePorts, pages: number): Promise<boolean> {
  const { store } = ports;
  await withdrawKeys(ports);
  for (const drive_id of await store.drives()) await ports.eraseDrive(drive_id);
  let isDropped = false;
  for (let page = 0; page < pages && !isDropped; page++) isDropped = await store.dropMetadata();
  if (!isDropped || !(await store.isEmpty())) return false;
  await ports.deleteObjects();
  // A first upload that was under way may have made a copy meanwhile.
  await ports.forgetKeys();
  await store.forget();
  await ports.finish();
  return true;
}
