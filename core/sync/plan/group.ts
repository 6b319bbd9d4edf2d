/** A group of commands, planned over what they need to know: one read, or two; more only where one conflict leads to another. */
import { DriveError, toFailure } from "../../protocol/errors.ts";
import type { Outcome, Result, Submission } from "../commands.ts";
import { Draft, Unread } from "../draft.ts";
import type { HubPorts, Needs, Snapshot } from "../ports.ts";
import { loserOf, replay } from "../replay.ts";
import { addLaterNeeds, addNeeds, noNeeds, plan } from "./index.ts";

/** Times that a plan may find that it needs to know more. */
const READS_MAX = 5;

/** The store could not be read, or not in time. */
export class Silent extends Error {}

type Ports = Pick<HubPorts, "store" | "now" | "newId">;

async function load({ store }: Ports, needs: Needs): Promise<Snapshot | null> {
  try {
    return await store.load(needs);
  } catch (error) {
    throw new Silent("unread", { cause: error });
  }
}

function merge(into: Snapshot, more: Snapshot): void {
  into.files.push(...more.files);
  into.taken.push(...more.taken);
  const known = new Set(into.permissions.map(({ permission_id }) => permission_id));
  into.permissions.push(...more.permissions.filter(({ permission_id }) => !known.has(permission_id)));
  if (more.changed.length > into.changed.length) into.changed = more.changed;
  for (const [id, height] of more.heights) into.heights.set(id, height);
}

/** What a draft asks whether it was read. */
function remember(read: Needs, { names, numbered, paths, grants, since }: Needs): void {
  read.names.push(...names);
  read.numbered.push(...numbered);
  read.paths.push(...paths);
  for (const file_id of grants) read.grants.add(file_id);
  read.since = since ?? read.since;
}

/** Null when there is no such drive. Throws `Silent` when the store does not answer. */
export async function planGroup(
  ports: Ports,
  group: readonly Submission[],
): Promise<{ draft: Draft; results: Result[] } | null> {
  const read = noNeeds();
  for (const submission of group) addNeeds(read, submission);
  const snapshot = await load(ports, read);
  if (snapshot === null) return null;
  const now = ports.now();
  const draftOf = (): Draft => new Draft(snapshot, read, now, ports.newId);
  let more = noNeeds();
  const first = draftOf();
  let isWhole = !group.map((submission) => addLaterNeeds(more, submission, first)).includes(true);
  for (let reads = 1; reads <= READS_MAX; reads++) {
    if (!isWhole) {
      const rest = await load(ports, more);
      if (rest === null) return null;
      merge(snapshot, rest);
      remember(read, more);
      more = noNeeds();
    }
    const draft = draftOf();
    const results = group.map((submission) => planOne(draft, submission, more));
    isWhole = !results.includes(null);
    if (isWhole) return { draft, results: results as Result[] };
  }
  throw new Error("a plan never knew enough");
}

/** Null when it needs to know more; then what follows is planned for what it needs only. */
function planOne(draft: Draft, submission: Submission, more: Needs): Result | null {
  try {
    return { ok: true, outcome: outcomeOf(draft, submission) };
  } catch (error) {
    if (error instanceof DriveError) return { ok: false, failure: toFailure(error) };
    if (!(error instanceof Unread)) throw error;
    error.add(more);
    return null;
  }
}

function outcomeOf(draft: Draft, submission: Submission): Outcome {
  const { op_id } = submission;
  const done = draft.done.get(op_id);
  return done === undefined ? plan(draft, submission) : replay(done, submission, draft.done.get(loserOf(op_id)));
}
