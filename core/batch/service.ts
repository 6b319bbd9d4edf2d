/**
 * A device's batch: changes in their order, the bytes of files among them. docs/spec/sync.md, J5 to J8;
 * docs/spec/uploads.md, U21 to U23.
 */
import { chooseBits } from "../blocks/classes.ts";
import type { Frame } from "../frames/format.ts";
import { parseText } from "../manifests/root.ts";
import { DriveError } from "../protocol/errors.ts";
import type { Result } from "../sync/commands.ts";
import { loserOf, requireSameRequest, settledBy } from "../sync/replay.ts";
import { keyOf, readableVersions } from "../uploads/bases.ts";
import type { VersionRef } from "../uploads/model.ts";
import { requireSeen } from "../uploads/place.ts";
import { requireSize } from "../uploads/parts.ts";
import type { UploadDeps } from "../uploads/ports.ts";
import { makeContents, requireSum } from "./contents.ts";
import { decideAll, isPut, type Item, refuse, settle, submissionOf } from "./items.ts";
import type { Answer, Change, Put } from "./model.ts";
import type { BatchCaller, BatchDeps } from "./ports.ts";
import { BatchSession } from "./session.ts";
import { type PutItem, storeFrames } from "./store-frames.ts";
import { Versions } from "./versions.ts";

/** Versions that one batch can refer to. */
const VERSIONS_MAX = 1000;

/** What comes behind the changes. */
export interface Body {
  frames(): AsyncGenerator<Frame>;
  /** Bytes of the request; null when it did not say. */
  length: number | null;
  /** Bytes that came so far. */
  received(): number;
}

/** One answer a change, in their order. What is wrong with the frames is thrown, and then nothing was done. */
export async function applyBatch(
  deps: BatchDeps,
  caller: BatchCaller,
  changes: readonly Change[],
  body: Body,
): Promise<Answer[]> {
  const items = await decideAll(deps, caller, changes);
  const session = await storePuts(deps, caller, items.filter(isPut), body);
  try {
    await submitAll(deps, caller, items, session);
  } catch (error) {
    await session?.end();
    throw error;
  }
  return items.map(({ answer }) => answer as Answer);
}

const isLeft = ({ answer }: Item): boolean => answer === null;

/** Gives each file its command. Null when there is nothing to store: all was refused, or done by an earlier try. */
async function storePuts(
  deps: BatchDeps,
  caller: BatchCaller,
  items: readonly Item<Put>[],
  body: Body,
): Promise<BatchSession | null> {
  const drive_id = items.find(isLeft)?.at?.file.drive_id;
  if (drive_id === undefined) return null;
  for (const item of items)
    if (isLeft(item) && item.at?.file.drive_id !== drive_id)
      refuse(item, new DriveError("invalid_request", "All files of a batch go into one drive."));
  const uploads = await deps.uploadsOf(drive_id);
  await findDone(uploads, caller, drive_id, items);
  const versions = await readVersions(uploads, caller, items);
  const puts = await Promise.all(items.map((item) => prepare(versions, item)));
  if (!puts.some(isLeft)) return null;
  await uploads.spend(1, body.length ?? 0);
  const session = await BatchSession.open(uploads, caller, drive_id, puts);
  if (session === null) return null;
  try {
    const { engine, bytes } = uploads;
    const stored = await storeFrames({ codec: engine.codec, bytes }, () => session.pack(), body.frames(), puts);
    if (body.length === null) await uploads.spend(0, body.received());
    await makeContents(uploads, session, stored, puts, versions);
    return session;
  } catch (error) {
    await session.end();
    throw error;
  }
}

/** What an earlier try of this batch committed is answered, and its bytes are not stored again. */
async function findDone(
  { uploads, rights }: UploadDeps,
  { principal }: BatchCaller,
  drive_id: string,
  items: readonly Item<Put>[],
): Promise<void> {
  const left = items.filter(isLeft);
  const made = await uploads.madeBy(
    drive_id,
    left.flatMap(({ op_id }) => [op_id, loserOf(op_id)]),
  );
  for (const item of left) {
    const found = made.get(item.op_id);
    if (found === undefined) continue;
    try {
      requireSameRequest(found, {
        op: "commit_content",
        target: item.change.target,
        content: item.change,
      });
      await requireSeen(rights, principal, found.file, item.change.target);
      const { permission } = item.at as NonNullable<Item["at"]>;
      const { made: _, ...settled } = settledBy(found, made.get(loserOf(item.op_id)));
      item.answer = { ok: true, permission, ...settled };
    } catch (error) {
      refuse(item, error);
    }
  }
}

const versionsOf = ({ base, segments }: Put): VersionRef[] =>
  [base, ...(segments ?? []).map(({ version }) => version)].filter((version) => version !== null);

/** Bases, and versions of segments, as far as the caller can read them. */
async function readVersions(
  deps: UploadDeps,
  { principal }: BatchCaller,
  items: readonly Item<Put>[],
): Promise<Versions> {
  const refs = new Map(
    items.filter(isLeft).flatMap(({ change }) => versionsOf(change).map((ref) => [keyOf(ref), ref])),
  );
  if (refs.size > VERSIONS_MAX)
    throw new DriveError("invalid_request", `A batch can refer to ${VERSIONS_MAX} versions at most.`);
  return new Versions(deps, await readableVersions(deps, principal, [...refs.values()]));
}

/** Refuses what is known to fail before any byte is taken. */
async function prepare(versions: Versions, item: Item<Put>): Promise<PutItem> {
  const { size, base } = item.change;
  const source = () => versions.source(base);
  const put: PutItem = Object.assign(item, { bits: chooseBits(size, null), base: source, start: 0 });
  if (!isLeft(item)) return put;
  try {
    requireSize(size);
    requireSum(item.change);
    const [first] = versionsOf(item.change).map((ref) => versions.require(ref));
    put.bits = chooseBits(size, first === undefined ? null : (await parseText(first.manifest)).bits);
  } catch (error) {
    refuse(item, error);
  }
  return put;
}

/** The changes that are left, drive by drive, each in its order; the session is closed behind its last commit. */
async function submitAll(
  deps: BatchDeps,
  caller: BatchCaller,
  items: readonly Item[],
  session: BatchSession | null,
): Promise<void> {
  const drives = Map.groupBy(items.filter(isLeft), ({ at }) => at?.file.drive_id as string);
  for (const [drive_id, own] of drives) {
    const submissions = own.map((item) => submissionOf(item, caller));
    const isOpen = session?.upload.drive_id === drive_id;
    const results = await deps.submitAll(drive_id, isOpen ? [...submissions, session.closing] : submissions);
    for (const [i, item] of own.entries()) settle(item, results[i] as Result);
    if (isOpen) await session.closed(results.at(-1) as Result);
  }
  if (session !== null && !drives.has(session.upload.drive_id)) await session.end();
}
