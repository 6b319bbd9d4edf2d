import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { API, inRoot } from "../../scripts/lib/project.ts";
import { readConfig } from "../../scripts/lib/worker-config.ts";
import type { CleanUp } from "../lib/clean-up.ts";
import { temporaryState } from "../lib/product.ts";

const SCHEMA = [
  `create table entries (parent_id text, name_key text, entry_id text, size integer, body text,
     primary key (parent_id, name_key)) without rowid`,
  "create table journal (seq integer primary key, entry_id text, at integer)",
  "create table counters (id integer primary key, n integer)",
  "insert into counters values (1, 0)",
];

/** Rows about as long as the product's answer for a file. */
const FILL = `
insert into entries (parent_id, name_key, entry_id, size, body)
with recursive n(i) as (select 1 union all select i + 1 from n where i < ?1)
select 'listed', printf('entry %06d', i), printf('entry-%06d', i), i, hex(randomblob(250)) from n`;

/**
 * The floor Worker, bundled as the product is, in a workerd process of its own, with the flags of the runtime that the
 * product set when it started.
 *
 * @param entries rows to list
 * @returns its address, without a slash at its end
 */
export async function startFloor(cleanUp: CleanUp, entries: number): Promise<string> {
  const bundle = await build({
    entryPoints: [inRoot("bench/floor/worker.ts")],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    external: ["cloudflare:*"],
  });
  const { compatibility_date, compatibility_flags } = readConfig(API);
  const mf = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      logRequests: false,
      resourcePersistencePath: temporaryState(cleanUp),
      name: "floor",
      modules: true,
      script: bundle.outputFiles[0]!.text,
      compatibilityDate: compatibility_date!,
      compatibilityFlags: compatibility_flags,
      r2Buckets: ["BUCKET"],
      d1Databases: ["DB"],
      durableObjects: { OBJECT: { className: "FloorObject", useSQLite: true } },
    }),
  );
  cleanUp.defer(() => mf.dispose());
  const { origin } = await mf.ready;
  const db = await mf.getD1Database("DB");
  await db.batch(SCHEMA.map((sql) => db.prepare(sql)));
  await db.prepare(FILL).bind(entries).run();
  return origin;
}
