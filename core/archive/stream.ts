/** The stream of an archive, and what it reads on its way. docs/spec/archive.md, Z9 and Z10. */
import { DriveError } from "../protocol/errors.ts";
import { collect } from "../storage/collect.ts";
import { joined } from "../storage/joined.ts";
import type { TenantId } from "../protocol/ids.ts";
import type { Engine } from "../storage/engine.ts";
import { readContent } from "../storage/read.ts";
import type { Crc32 } from "./ports.ts";
import type { Archive } from "./walk.ts";
import { type Content, zipPieces } from "./zip.ts";

/** Contents whose manifests are read by one query; a manifest has 16 KiB at most. */
const MANIFESTS = 100;
/** Files under way at once: as many as the platform has connections for. */
const AHEAD = 5;
/** Bytes up to which a file is read whole before its turn: many small files then cost no round trip each. */
const SMALL = 1024 * 1024;

export interface ArchiveReader {
  engine: Engine;
  crc32: Crc32;
}

interface Stored {
  tenant_id: TenantId;
  size: number;
  manifest: string;
}

/** The files that have bytes, in order, with where these lie. */
async function* stored({ plan, sources }: Archive): AsyncGenerator<Stored> {
  for (const [i, { from, store }] of sources.entries()) {
    const end = sources[i + 1]?.from ?? plan.length;
    for (let at = from; at < end;) {
      const page: number[] = [];
      for (; at < end && page.length < MANIFESTS; at++) if (plan.sizeOf(at) > 0) page.push(at);
      const ids = page.map((entry) => plan.idOf(entry));
      const manifests = await store.manifests(ids);
      for (const [k, entry] of page.entries()) {
        const manifest = manifests.get(ids[k] as string);
        if (manifest === undefined) throw new DriveError("integrity_error", "One of these files has no content.");
        yield { tenant_id: store.tenant_id, size: plan.sizeOf(entry), manifest };
      }
    }
  }
}

async function* contents(archive: Archive, engine: Engine): AsyncGenerator<Content> {
  const open = ({ tenant_id, size, manifest }: Stored) => readContent(engine, tenant_id, manifest, 0, size);
  const start = async (file: Stored): Promise<() => Promise<Content>> => {
    if (file.size > SMALL) return () => open(file);
    const bytes = await collect(await open(file), file.size);
    return async () => [bytes];
  };
  const files = stored(archive);
  const started: Promise<() => Promise<Content>>[] = [];
  for (;;) {
    while (started.length < AHEAD) {
      const { value, done } = await files.next();
      if (done === true) break;
      const reading = start(value);
      // It is awaited in its turn; until then a failure must not count as unhandled.
      reading.catch(() => undefined);
      started.push(reading);
    }
    const first = started.shift();
    if (first === undefined) return;
    yield (await first)();
  }
}

/** Errors, and never ends early, when a file cannot be read whole. */
export function archiveStream(archive: Archive, { engine, crc32 }: ArchiveReader): ReadableStream<Uint8Array> {
  const pieces = joined(zipPieces(archive.plan, contents(archive, engine), crc32));
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
