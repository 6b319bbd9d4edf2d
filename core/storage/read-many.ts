/** Many small contents of a tenant at once: what lies side by side in a pack is one read. docs/spec/storage.md, S16. */
import type { Entry } from "../manifests/node.ts";
import { DriveError } from "../protocol/errors.ts";
import type { TenantId } from "../protocol/ids.ts";
import { BlockReader, READ_MAX } from "./block-reader.ts";
import type { Engine } from "./engine.ts";
import { AHEAD } from "./read.ts";
import { joinRuns, readAhead } from "./runs.ts";

export interface WantedContent<K> {
  key: K;
  manifest: string;
  /** Bytes. */
  size: number;
}

interface Filling<K> {
  key: K;
  bytes: Uint8Array<ArrayBuffer>;
  left: number;
}

const byPlace = (a: Entry, b: Entry): number =>
  a.pack_id < b.pack_id ? -1 : a.pack_id > b.pack_id ? 1 : a.offset - b.offset;

/**
 * Each content whole, as soon as its last block was read; all of them are in memory until then. What cannot be read,
 * archived or damaged, is missing: read by itself it says why.
 */
export async function* readMany<K>(
  engine: Engine,
  tenant_id: TenantId,
  wanted: Iterable<WantedContent<K>>,
): AsyncGenerator<{ key: K; bytes: Uint8Array<ArrayBuffer> }> {
  const reader = new BlockReader(engine, tenant_id);
  const places = new Map<string, { entry: Entry; uses: { filling: Filling<K>; start: number }[] }>();
  for (const { key, manifest, size } of wanted) {
    const filling = { key, bytes: new Uint8Array(size), left: size };
    if (size === 0) yield filling;
    else await note(reader, manifest, filling, places).catch(passOver);
  }
  const entries = [...places.values()].map(({ entry }) => entry).toSorted(byPlace);
  const runs = readAhead(
    joinRuns(entries, READ_MAX),
    (run) => reader.read(run).catch(passOver),
    AHEAD,
    ({ length }) => engine.spare.take(length),
  );
  for await (const run of runs) {
    if (run === null) continue;
    const blocks = reader.open(run);
    for (;;) {
      const next = await blocks.next().catch(passOver);
      if (next === null || next.done === true) break;
      const { entry, raw } = next.value;
      for (const { filling, start } of places.get(nameOf(entry))!.uses) {
        filling.bytes.set(raw, start);
        filling.left -= raw.length;
        if (filling.left === 0) yield filling;
      }
    }
  }
}

const nameOf = ({ pack_id, index }: Entry): string => `${pack_id}/${index}`;

async function note<K>(
  reader: BlockReader,
  manifest: string,
  filling: Filling<K>,
  places: Map<string, { entry: Entry; uses: { filling: Filling<K>; start: number }[] }>,
): Promise<void> {
  const root = await reader.root(manifest);
  for await (const { entry, start } of reader.data(root, 0, filling.bytes.length)) {
    const name = nameOf(entry);
    const place = places.get(name) ?? { entry, uses: [] };
    place.uses.push({ filling, start });
    places.set(name, place);
  }
}

/** Only what is known of the content or the store: a mistake of ours is none. */
function passOver(error: unknown): null {
  if (error instanceof DriveError) return null;
  throw error;
}
