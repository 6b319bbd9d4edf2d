const BREAKPOINT = "--> statement-breakpoint";

/**
 * Makes every table of a generated migration WITHOUT ROWID, which drizzle-kit cannot write: on composite keys an insert
 * then bills one row less, and a tenant's rows lie together in the key's own tree.
 *
 * @throws when a table has no primary key, which such a table must have
 */
export function withoutRowid(sql: string): string {
  return sql
    .split(BREAKPOINT)
    .map((statement) => (/^\s*CREATE TABLE /.test(statement) ? rewrite(statement) : statement))
    .join(BREAKPOINT);
}

function rewrite(statement: string): string {
  if (/\)\s*WITHOUT ROWID;?\s*$/.test(statement)) return statement;
  if (!/PRIMARY KEY/.test(statement)) throw new Error(`a table without a primary key:\n${statement.trim()}`);
  return statement.replace(/\);?(\s*)$/, ") WITHOUT ROWID;$1");
}
