/** Versions that deltas and segments refer to: docs/spec/uploads.md, U16 and U19. */
import type { ByteSource } from "../delta/ports.ts";
import { DriveError } from "../protocol/errors.ts";
import { decide, type Principal } from "../sharing/rights.ts";
import { contentSource } from "../storage/source.ts";
import type { VersionRef } from "./model.ts";
import type { StoredVersion, UploadDeps } from "./ports.ts";

/** In the same words whatever it is that is missing: a version, a file, or the right to read it. */
export const noBase = (): DriveError =>
  new DriveError("base_mismatch", "There is no such version to refer to; please send the bytes whole.");

export const keyOf = ({ file_id, version_id }: VersionRef): string => `${file_id}/${version_id}`;

function isReadable(version: StoredVersion, principal: Principal): boolean {
  try {
    decide(version.access, principal, "view");
    return true;
  } catch (error) {
    if (error instanceof DriveError) return false;
    throw error;
  }
}

/** Those of the versions that the principal can read now, by `keyOf`. */
export async function readableVersions(
  { uploads }: Pick<UploadDeps, "uploads">,
  principal: Principal,
  refs: readonly VersionRef[],
): Promise<Map<string, StoredVersion>> {
  const found = await uploads.versions(principal, refs);
  return new Map(found.filter((version) => isReadable(version, principal)).map((version) => [keyOf(version), version]));
}

/** Throws `base_mismatch`. */
export async function requireVersion(
  deps: Pick<UploadDeps, "uploads">,
  principal: Principal,
  ref: VersionRef,
): Promise<StoredVersion> {
  const version = (await readableVersions(deps, principal, [ref])).get(keyOf(ref));
  if (version === undefined) throw noBase();
  return version;
}

/** The base of deltas, looked for when the first of them comes. Throws `base_mismatch` then. */
export function lazyBase(
  deps: Pick<UploadDeps, "uploads" | "engine" | "tenant_id">,
  principal: Principal,
  ref: VersionRef | null,
): () => Promise<ByteSource | undefined> {
  let source: Promise<ByteSource | undefined> | undefined;
  const open = async (): Promise<ByteSource | undefined> => {
    if (ref === null) return undefined;
    const { manifest, size } = await requireVersion(deps, principal, ref);
    return contentSource(deps.engine, deps.tenant_id, manifest, size);
  };
  return () => (source ??= open());
}
