/** The bytes of many small versions in one answer. docs/spec/sync.md, SN4. */
import type { Context } from "hono";
import type { z } from "zod";
import { tenantOf, type TenantId } from "../../core/protocol/ids.ts";
import { CONTENT_HEAD_BYTES, CONTENTS_MAX, type contentsRequestSchema, NO_CONTENT } from "../../core/protocol/sync.ts";
import { joined } from "../../core/storage/joined.ts";
import { readMany, type WantedContent } from "../../core/storage/read-many.ts";
import { keyOf, readableVersions } from "../../core/uploads/bases.ts";
import { principalOf } from "./http.ts";
import type { AppEnv } from "./types.ts";

type Items = z.infer<typeof contentsRequestSchema>["items"];

/** Those that the caller can read, with where they lie, up to the bounds of one answer; one query a tenant. */
async function findWanted(c: Context<AppEnv>, items: Items): Promise<Map<TenantId, WantedContent<number>[]>> {
  const { app } = c.var;
  const wanted = new Map<TenantId, WantedContent<number>[]>();
  let bytes = 0;
  for (const [tenant_id, indexes] of Map.groupBy(items.keys(), (index) => tenantOf(items[index]!.file_id))) {
    const place = await app.shards.find(tenant_id);
    if (place === null) continue;
    const refs = indexes.map((index) => items[index]!);
    const { uploads } = await app.tenantOfId(refs[0]!.file_id);
    const versions = await readableVersions({ uploads }, principalOf(c), refs);
    const own: WantedContent<number>[] = [];
    for (const index of indexes) {
      const version = versions.get(keyOf(items[index]!));
      if (version === undefined || version.size > CONTENTS_MAX.file_bytes) continue;
      bytes += version.size;
      if (bytes > CONTENTS_MAX.bytes) break;
      own.push({ key: index, manifest: version.manifest, size: version.size });
    }
    wanted.set(tenant_id, own);
  }
  return wanted;
}

function head(index: number, length: number): Uint8Array {
  const bytes = new Uint8Array(CONTENT_HEAD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, index);
  view.setUint32(4, length);
  return bytes;
}

export async function contentsStream(c: Context<AppEnv>, items: Items): Promise<ReadableStream<Uint8Array>> {
  const wanted = await findWanted(c, items);
  const { engine } = c.var.app;
  const answer = async function* (): AsyncGenerator<Uint8Array> {
    const missing = new Set(items.keys());
    for (const [tenant_id, own] of wanted)
      for await (const { key, bytes } of readMany(engine, tenant_id, own)) {
        missing.delete(key);
        yield head(key, bytes.length);
        if (bytes.length > 0) yield bytes;
      }
    for (const index of missing) yield head(index, NO_CONTENT);
  };
  const pieces = joined(answer());
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
