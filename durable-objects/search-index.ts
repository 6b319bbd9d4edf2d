/**
 * The search index of one drive: names, metadata and text on SQLite FTS5. It holds no rights and no trash: whoever
 * asks filters its candidates (docs/spec/search.md). All of it can be built again from D1 and R2.
 */
import { DurableObject } from "cloudflare:workers";
import type { IndexDocument } from "../core/search/document.ts";
import type { Candidate, CandidateQuery, DriveIndex } from "../core/search/ports.ts";
import { type ParsedQuery, parseQuery, parseSuggestion } from "../core/search/query.ts";
import { COLUMN_WEIGHTS, nameMatch, score } from "../core/search/rank.ts";

/** Candidates of each type: bounds an answer, and so that no type hides another in the facets. */
const PER_TYPE = 200;
/** Documents that are ranked, and names that are looked through: the newest of the index. Bounds a broad query. */
const RANKED_MAX = 5_000;
const NAMES_MAX = 10_000;
/** Removed files are remembered so long, so that a late message does not bring them back. */
const REMEMBER_REMOVED = 86_400_000;

const SCHEMA = `
create table if not exists documents (
  id integer primary key, file_id text not null unique, parent_id text, content_id text, name text not null,
  metadata text not null, type text not null, updated_at integer not null, seq integer not null, removed_at integer
);
create index if not exists documents_parent on documents (parent_id);
create index if not exists documents_removed on documents (removed_at) where removed_at is not null;
create virtual table if not exists texts using fts5 (
  name, metadata, body, tokenize = "unicode61 remove_diacritics 2", prefix = '2 3'
);`;

/** What lies below the folders that are asked for; null asks for all. */
const INSIDE = `
with recursive tree(file_id) as (
  select value from json_each(?3)
  union select d.file_id from tree t join documents d on d.parent_id = t.file_id
)`;
const IS_WANTED = `d.updated_at >= ?1 and d.updated_at <= ?2 and (?3 is null or d.file_id in (select file_id from tree))`;

/** `bm25` works only where the FTS table itself is read, hence the materialized step before the window. */
const SELECT_CANDIDATES = `${INSIDE},
hits as materialized (
  select d.file_id, d.type, d.name, d.updated_at, bm25(texts, ${COLUMN_WEIGHTS.join(", ")}) as bm25
  from texts cross join documents d on d.id = texts.rowid
  where texts match ?4 and ${IS_WANTED} order by texts.rowid desc limit ${RANKED_MAX}
),
placed as (select *, row_number() over (partition by type order by bm25) as place from hits)
select file_id, type, name, updated_at, bm25 from placed where place <= ${PER_TYPE}`;

const SELECT_NAMES = `${INSIDE}
select d.file_id, d.type, d.name, d.updated_at, 0 as bm25 from documents d
where d.removed_at is null and ${IS_WANTED} order by d.id desc limit ${NAMES_MAX}`;

const SELECT_SNIPPETS = `
select d.file_id, snippet(texts, 2, char(2), char(3), '…', 24) as snippet
from texts join documents d on d.id = texts.rowid
where texts match ?1 and texts.rowid in (
  select id from documents where file_id in (select value from json_each(?2)))`;

interface Known extends Record<string, SqlStorageValue> {
  id: number;
  seq: number;
  name: string;
  metadata: string;
  removed_at: number | null;
}

interface Row extends Record<string, SqlStorageValue> {
  file_id: string;
  type: Candidate["type"];
  name: string;
  updated_at: number;
  bm25: number;
}

export class SearchIndex extends DurableObject implements DriveIndex {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(SCHEMA);
  }

  /** Takes each document unless it knows a newer state of that file. */
  async put(documents: IndexDocument[]): Promise<void> {
    this.ctx.storage.transactionSync(() => {
      for (const document of documents) this.#put(document);
    });
  }

  #known(file_id: string): Known | undefined {
    return this.#sql
      .exec<Known>("select id, seq, name, metadata, removed_at from documents where file_id = ?", file_id)
      .toArray()[0];
  }

  #put(d: IndexDocument): void {
    const known = this.#known(d.file_id);
    if (known !== undefined && known.seq > d.seq) return;
    const { id } = this.#sql
      .exec<{ id: number }>(
        `insert into documents (file_id, parent_id, content_id, name, metadata, type, updated_at, seq)
         values (?, ?, ?, ?, ?, ?, ?, ?)
         on conflict (file_id) do update set parent_id = excluded.parent_id, content_id = excluded.content_id,
           name = excluded.name, metadata = excluded.metadata, type = excluded.type, updated_at = excluded.updated_at,
           seq = excluded.seq, removed_at = null returning id`,
        d.file_id,
        d.parent_id,
        d.content_id,
        d.name,
        d.metadata,
        d.type,
        d.updated_at,
        d.seq,
      )
      .one();
    if (known === undefined || known.removed_at !== null) {
      const values = [id, d.name, d.metadata, d.text ?? ""];
      this.#sql.exec("insert into texts (rowid, name, metadata, body) values (?, ?, ?, ?)", ...values);
    } else if (d.text !== null) {
      const values = [d.name, d.metadata, d.text, id];
      this.#sql.exec("update texts set name = ?, metadata = ?, body = ? where rowid = ?", ...values);
    } else if (known.name !== d.name || known.metadata !== d.metadata)
      this.#sql.exec("update texts set name = ?, metadata = ? where rowid = ?", d.name, d.metadata, id);
  }

  async remove(files: { file_id: string; seq: number }[]): Promise<void> {
    const now = Date.now();
    this.ctx.storage.transactionSync(() => {
      for (const { file_id, seq } of files) this.#remove(file_id, seq, now);
      this.#sql.exec("delete from documents where removed_at < ?", now - REMEMBER_REMOVED);
    });
  }

  #remove(file_id: string, seq: number, now: number): void {
    const known = this.#known(file_id);
    if (known !== undefined && known.seq > seq) return;
    if (known !== undefined) this.#sql.exec("delete from texts where rowid = ?", known.id);
    this.#sql.exec(
      `insert into documents (file_id, name, metadata, type, updated_at, seq, removed_at)
       values (?1, '', '', 'other', 0, ?2, ?3)
       on conflict (file_id) do update set parent_id = null, content_id = null, name = '', metadata = '',
         seq = excluded.seq, removed_at = excluded.removed_at`,
      file_id,
      seq,
      now,
    );
  }

  /** Its drive is gone: nothing of it is kept, and nothing may be asked any more. */
  async erase(): Promise<void> {
    await this.ctx.storage.deleteAll();
  }

  /** What lies below these, as far as the index knows. */
  async below(file_ids: string[]): Promise<string[]> {
    const rows = this.#sql.exec<{ file_id: string }>(
      `with recursive tree(file_id) as (
         select value from json_each(?1)
         union select d.file_id from tree t join documents d on d.parent_id = t.file_id
       ) select file_id from tree where file_id not in (select value from json_each(?1))`,
      JSON.stringify(file_ids),
    );
    return [...rows].map((row) => row.file_id);
  }

  async contents(file_ids: string[]): Promise<Record<string, Pick<IndexDocument, "content_id" | "type">>> {
    const rows = this.#sql.exec<{ file_id: string; content_id: string | null; type: IndexDocument["type"] }>(
      `select file_id, content_id, type from documents
       where removed_at is null and file_id in (select value from json_each(?))`,
      JSON.stringify(file_ids),
    );
    return Object.fromEntries([...rows].map(({ file_id, content_id, type }) => [file_id, { content_id, type }]));
  }

  async query({ q, after, before, under, now }: CandidateQuery): Promise<Candidate[]> {
    const parsed = parseQuery(q);
    if (parsed === null) return [];
    return this.#candidates(parsed, after, before, under)
      .map((row) => ({ file_id: row.file_id, type: row.type, score: score(row, parsed.words, now) }))
      .toSorted((a, b) => b.score - a.score);
  }

  async suggest(q: string, under: string[] | undefined): Promise<Candidate[]> {
    const parsed = parseSuggestion(q);
    if (parsed === null) return [];
    return this.#candidates(parsed, undefined, undefined, under)
      .map(({ file_id, type, bm25 }) => ({ file_id, type, score: -bm25 }))
      .toSorted((a, b) => b.score - a.score);
  }

  #candidates(
    { expression, words }: ParsedQuery,
    after = 0,
    before = Number.MAX_SAFE_INTEGER,
    under?: string[],
  ): Row[] {
    const folders = under === undefined ? null : JSON.stringify(under);
    if (expression !== null)
      return this.#sql.exec<Row>(SELECT_CANDIDATES, after, before, folders, expression).toArray();
    const found = new Map<string, Row[]>();
    for (const row of this.#sql.exec<Row>(SELECT_NAMES, after, before, folders)) {
      const ofType = found.get(row.type) ?? [];
      if (ofType.length < PER_TYPE && nameMatch(row.name, words) > 0) found.set(row.type, [...ofType, row]);
    }
    return [...found.values()].flat();
  }

  /** Null where the text has no hit, only the name or the metadata. */
  async snippets(q: string, file_ids: string[]): Promise<Record<string, string | null>> {
    const parsed = parseQuery(q);
    if (parsed === null || parsed.expression === null) return {};
    const rows = this.#sql.exec<{ file_id: string; snippet: string }>(
      ...([SELECT_SNIPPETS, parsed.expression, JSON.stringify(file_ids)] as const),
    );
    return Object.fromEntries(
      [...rows].map(({ file_id, snippet }) => [file_id, snippet.includes("\u0002") ? snippet : null]),
    );
  }
}
