/** Bounded waits: a call that is never answered must not hold up who waits for it. docs/spec/storage.md, S13; sync.md, H9. */
import { DriveError } from "../protocol/errors.ts";
import { type ObjectCatalog, type ObjectStore, StoreRefused } from "./ports.ts";

/** Milliseconds for one call of the object store: a part of 8 MiB takes a second or two. */
export const OBJECT_PATIENCE = 30_000;

/** Milliseconds for one batch of a drive's store: D1 itself ends what runs longer than 30 s. */
export const BATCH_PATIENCE = 35_000;

/** @throws `unavailable` when `work` takes longer than `patience` milliseconds; what it does may still be done later */
export async function withDeadline<T>(work: Promise<T>, patience: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = (): void => reject(new DriveError("unavailable", "The store did not answer in time; try again."));
    timer = setTimeout(fail, patience);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A failure as the client may hear of it: to try again. What the store refused stays what it is. */
export async function orUnavailable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StoreRefused || error instanceof DriveError) throw error;
    throw new DriveError("unavailable", "The store fails right now; try again.");
  }
}

/** The same for what a store knows of its objects. */
export function boundedCatalog(catalog: ObjectCatalog, patience = OBJECT_PATIENCE): ObjectCatalog {
  return {
    stat: (...args) => withDeadline(catalog.stat(...args), patience),
    page: (...args) => withDeadline(catalog.page(...args), patience),
  };
}

/**
 * An object store that answers in time or fails. A write that failed so may be done later: its object bears the name of
 * an upload, and goes with it (PK10).
 */
export function boundedObjects(store: ObjectStore, patience = OBJECT_PATIENCE): ObjectStore {
  const bound = <T>(work: Promise<T>): Promise<T> => withDeadline(work, patience);
  return {
    put: (...args) => bound(store.put(...args)),
    get: (...args) => bound(store.get(...args)),
    delete: (...args) => bound(store.delete(...args)),
    list: (...args) => bound(store.list(...args)),
    createMultipart: (...args) => bound(store.createMultipart(...args)),
    uploadPart: (...args) => bound(store.uploadPart(...args)),
    completeMultipart: (...args) => bound(store.completeMultipart(...args)),
    abortMultipart: (...args) => bound(store.abortMultipart(...args)),
  };
}
