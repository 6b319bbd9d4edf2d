/**
 * The search index of one drive: names, metadata and text on SQLite FTS5. It holds no rights and no trash: whoever
 * asks filters its candidates (docs/spec/search.md). All of it can be built again from D1 and R2.
 */
import { DurableObject } from "cloudflare:workers";
import type { IndexDocument } from "../core/search/document.ts";
import type { Candidate, CandidateQuery, DriveIndex } from "../core/search/ports.ts";
import { parseQuery, parseSuggestion } from "../core/search/query.ts";
import { COLUMN_WEIGHTS, score } from "../core/search/rank.ts";

/** Candidates of each type: bounds an answer, and so that no type hides another in the facets. */
const PER_TYPE = 200;
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

/** `bm25` works only where the FTS table itself is read, hence the materialized step before the window. */
const SELECT_CANDIDATES = `
with recursive tree(file_id) as (
  select value from json_each(?4)
  union select d.file_id from tree t join documents d on d.parent_id = t.file_id
),
hits as materialized (
  select rowid as id, bm25(texts, ${COLUMN_WEIGHTS.join(", ")}) as bm25 from texts where texts match ?1
),
placed as (
  select d.file_id, d.type, d.name, d.updated_at, h.bm25, row_number() over (partition by d.type order by h.bm25) as place
  from hits h join documents d on d.id = h.id
  where d.updated_at >= ?2 and d.updated_at <= ?3 and (?4 is null or d.file_id in (select file_id from tree))
)
select file_id, type, name, updated_at, bm25 from placed where place <= ?5`;

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

  async contents(file_ids: string[]): Promise<Record<string, string | null>> {
    const rows = this.#sql.exec<{ file_id: string; content_id: string | null }>(
      `select file_id, content_id from documents
       where removed_at is null and file_id in (select value from json_each(?))`,
      JSON.stringify(file_ids),
    );
    return Object.fromEntries([...rows].map((row) => [row.file_id, row.content_id]));
  }

  async query({ q, after, before, under, now }: CandidateQuery): Promise<Candidate[]> {
    const parsed = parseQuery(q);
    if (parsed === null) return [];
    const rows = this.#candidates(parsed.expression, after, before, under);
    return rows
      .map((row) => ({ file_id: row.file_id, type: row.type, score: score(row, parsed.words, now) }))
      .toSorted((a, b) => b.score - a.score);
  }

  async suggest(q: string, under: string[] | undefined): Promise<Candidate[]> {
    const expression = parseSuggestion(q);
    if (expression === null) return [];
    return this.#candidates(expression, undefined, undefined, under)
      .map(({ file_id, type, bm25 }) => ({ file_id, type, score: -bm25 }))
      .toSorted((a, b) => b.score - a.score);
  }

  #candidates(expression: string, after = 0, before = Number.MAX_SAFE_INTEGER, under?: string[]): Row[] {
    const folders = under === undefined ? null : JSON.stringify(under);
    return this.#sql.exec<Row>(SELECT_CANDIDATES, expression, after, before, folders, PER_TYPE).toArray();
  }

  /** Null where the text has no hit, only the name or the metadata. */
  async snippets(q: string, file_ids: string[]): Promise<Record<string, string | null>> {
    const parsed = parseQuery(q);
    if (parsed === null) return {};
    const rows = this.#sql.exec<{ file_id: string; snippet: string }>(
      ...([SELECT_SNIPPETS, parsed.expression, JSON.stringify(file_ids)] as const),
    );
    return Object.fromEntries(
      [...rows].map(({ file_id, snippet }) => [file_id, snippet.includes("\u0002") ? snippet : null]),
    );
  }
}
