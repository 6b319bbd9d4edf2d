/** Search over all that a person may read. docs/spec/search.md, X6 to X9. */
import { toWire } from "../files/wire.ts";
import { DriveError } from "../protocol/errors.ts";
import type { FileType, Hit, SearchAnswer, SearchQuery } from "../protocol/search.ts";
import { type Access, permissionOf, type Principal } from "../sharing/rights.ts";
import { fileTypeOf } from "./file-type.ts";
import type { Candidate, DriveIndex } from "./ports.ts";

/** A drive to look in; `under` where only part of it is shared. */
export interface Scope {
  drive_id: string;
  under?: string[] | undefined;
}

export interface SearchDeps {
  principal: Principal;
  index(drive_id: string): DriveIndex;
  /** Rights of many files at once; unknown ids are missing. */
  accesses(file_ids: string[]): Promise<Map<string, Access>>;
  now(): number;
}

interface Readable extends Candidate {
  access: Access;
}

const SUGGESTIONS = 8;

/** Looked up at once, the best of all drives: their ids stay far below D1's 2 MB a parameter. */
const LOOKUPS_MAX = 4_000;

/** What the caller may read and is not in the trash, best first. The only way from candidates to answers. */
async function readable(deps: SearchDeps, candidates: Candidate[]): Promise<Readable[]> {
  if (candidates.length === 0) return [];
  const best = new Map<string, Candidate>();
  for (const c of candidates) if ((best.get(c.file_id)?.score ?? -Infinity) < c.score) best.set(c.file_id, c);
  const looked = [...best.values()].toSorted((a, b) => b.score - a.score).slice(0, LOOKUPS_MAX);
  const accesses = await deps.accesses(looked.map((c) => c.file_id));
  const hits: Readable[] = [];
  for (const candidate of looked) {
    const access = accesses.get(candidate.file_id);
    if (access === undefined || permissionOf(deps.principal, access) === null) continue;
    if (access.chain.some((f) => f.trashed_at !== null)) continue;
    hits.push({ ...candidate, access });
  }
  return hits.toSorted((a, b) => b.score - a.score || (a.file_id < b.file_id ? -1 : 1));
}

function parseOffset(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (!/^\d{1,6}$/.test(cursor)) throw new DriveError("cursor_invalid", "This cursor is not one of ours.");
  return Number(cursor);
}

const typeOf = ({ access }: Readable): FileType => fileTypeOf(access.file);

function countTypes(hits: Readable[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const hit of hits) counts[typeOf(hit)] = (counts[typeOf(hit)] ?? 0) + 1;
  return counts;
}

/** Snippets only of what is shown, from the drives where it lies. */
async function withSnippets(deps: SearchDeps, q: string, hits: Readable[]): Promise<Hit[]> {
  const byDrive = Map.groupBy(hits, (hit) => hit.access.file.drive_id);
  const answers = await Promise.all(
    [...byDrive].map(([drive_id, of]) =>
      deps.index(drive_id).snippets(
        q,
        of.map((hit) => hit.file_id),
      ),
    ),
  );
  const snippets: Record<string, string | null> = Object.assign({}, ...answers);
  return hits.map(({ access, file_id, score }) => ({
    // Only what `permissionOf` let through is here.
    file: toWire(access.file, permissionOf(deps.principal, access) as NonNullable<ReturnType<typeof permissionOf>>),
    score,
    snippet: snippets[file_id] ?? null,
  }));
}

export async function search(deps: SearchDeps, scopes: Scope[], query: SearchQuery): Promise<SearchAnswer> {
  const { q, limit } = query;
  const [after, before] = [query.after, query.before].map((t) => (t === undefined ? undefined : Date.parse(t)));
  const from = parseOffset(query.cursor);
  const wanted = scopes.filter(({ drive_id }) => query.owner === undefined || query.owner === drive_id);
  const found = await Promise.all(
    wanted.map(({ drive_id, under }) => deps.index(drive_id).query({ q, after, before, under, now: deps.now() })),
  );
  const all = await readable(deps, found.flat());
  const inside = all.filter(({ access }) => query.in === undefined || access.chain.some((f) => f.file_id === query.in));
  const hits = inside.filter((hit) => query.type === undefined || typeOf(hit) === query.type);
  return {
    items: await withSnippets(deps, q, hits.slice(from, from + limit)),
    next_cursor: from + limit < hits.length ? String(from + limit) : null,
    facets: { type: countTypes(inside) },
  };
}

export async function suggest(
  deps: SearchDeps,
  scopes: Scope[],
  q: string,
): Promise<{ items: { file_id: string; name: string }[] }> {
  const found = await Promise.all(scopes.map(({ drive_id, under }) => deps.index(drive_id).suggest(q, under)));
  const hits = await readable(deps, found.flat());
  return { items: hits.slice(0, SUGGESTIONS).map(({ file_id, access }) => ({ file_id, name: access.file.name })) };
}
