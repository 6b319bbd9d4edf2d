/** A file put together from chunks and versions: docs/spec/uploads.md, U6, U18 and U19. */
import { entriesMax, PACKS_MAX, tooScattered } from "../manifests/bounds.ts";
import { hookOf, isPicked, joinHooks } from "../manifests/hooks.ts";
import type { Entry, Node } from "../manifests/node.ts";
import { parseText } from "../manifests/root.ts";
import type { FinishedPack } from "../packs/writer.ts";
import { DriveError } from "../protocol/errors.ts";
import { MAX_CHUNKS, type Segment } from "../protocol/uploads.ts";
import type { Principal } from "../sharing/rights.ts";
import { NOTHING } from "../storage/allowance.ts";
import { BlockReader, READS_MAX } from "../storage/block-reader.ts";
import { ContentMap } from "../storage/content-map.ts";
import { readAhead } from "../storage/runs.ts";
import { packsBelow, slice } from "../storage/slice.ts";
import { keyOf, noBase, readableVersions } from "./bases.ts";
import type { ChunkRow, UploadRow, VersionRef } from "./model.ts";
import type { UploadDeps } from "./ports.ts";

/** Versions that one file can borrow from. */
const VERSIONS_MAX = 64;

/** Segments whose leaves are read at once. */
const AHEAD = 5;

/** Where a segment's bytes come from. */
interface Piece {
  source: Source;
  offset: number;
  length: number;
}

interface Source {
  /** Null for a version. */
  chunk: ChunkRow | null;
  size: number;
  map(): Promise<ContentMap>;
}

export interface Assembled {
  root: Node;
  packs: FinishedPack[];
  borrowed: string[];
  hooks: string[];
  /** The chunk that is the whole file, when it is one. */
  whole: ChunkRow | null;
}

type Deps = Pick<UploadDeps, "uploads" | "engine" | "tenant_id">;

export async function assemble(
  deps: Deps,
  principal: Principal,
  upload: UploadRow,
  chunks: readonly ChunkRow[],
  segments: readonly Segment[],
): Promise<Assembled> {
  if (segments.length > MAX_CHUNKS)
    throw new DriveError("too_many_chunks", `A file has ${MAX_CHUNKS} chunks or segments at most.`, {
      count: MAX_CHUNKS,
    });
  const reader = new BlockReader(deps.engine, deps.tenant_id, READS_MAX);
  const pieces = await piecesOf(deps, principal, reader, upload, chunks, segments);
  const total = pieces.reduce((sum, { length }) => sum + length, 0);
  if (total !== upload.size)
    throw new DriveError(
      "size_mismatch",
      `These have ${total} bytes in all; the file was said to have ${upload.size}.`,
    );

  const most = entriesMax(total, upload.block_bits);
  const entries: Entry[] = [];
  for await (const found of readAhead(each(pieces), entriesOf, AHEAD, () => NOTHING)) {
    if (entries.length + found.length > most) throw tooScattered();
    for (const entry of found) entries.push(entry);
  }
  const sources = [...new Set(pieces.map(({ source }) => source))];
  const known = new Set<string>();
  for (const source of sources) for (const pack_id of (await source.map()).root.packs) known.add(pack_id);
  const packs = await packsBelow(reader, entries, known);
  if (packs.length > PACKS_MAX) throw tooScattered();
  const used = sources.flatMap(({ chunk }) => (chunk === null ? [] : [chunk]));
  const own = new Map(used.map(({ pack_id, pack_size, key_version }) => [pack_id, { size: pack_size, key_version }]));
  const [first] = pieces;
  return {
    root: { kind: "root", bits: upload.block_bits, size: total, packs, entries },
    packs: packs.flatMap((pack_id) => {
      const pack = own.get(pack_id);
      return pack === undefined ? [] : [{ pack_id, ...pack }];
    }),
    borrowed: packs.filter((pack_id) => !own.has(pack_id)),
    hooks: joinHooks(firstHook(first, entries), [
      ...pickedOf(upload, entries),
      ...used.flatMap((c) => c.hooks.slice(1)),
    ]),
    whole: pieces.length === 1 && first?.length === first?.source.size ? (first?.source.chunk ?? null) : null,
  };
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** Finds what the segments name, and checks that they lie in it. */
async function piecesOf(
  deps: Deps,
  principal: Principal,
  reader: BlockReader,
  upload: UploadRow,
  chunks: readonly ChunkRow[],
  segments: readonly Segment[],
): Promise<Piece[]> {
  const rows = new Map(chunks.map((chunk) => [chunk.chunk_id, chunk]));
  const wanted = new Set(segments.flatMap((segment) => ("chunk_id" in segment ? [segment.chunk_id] : [])));
  const missing = [...wanted].filter((id) => !rows.has(id));
  if (missing.length > 0) throw new DriveError("missing_chunks", "Some chunks have not arrived.", { missing });

  const refs = new Map<string, VersionRef>();
  for (const segment of segments)
    if (!("chunk_id" in segment)) {
      const ref = refOf(upload, segment);
      refs.set(keyOf(ref), ref);
    }
  if (refs.size > VERSIONS_MAX)
    throw new DriveError("invalid_request", `A file can borrow from ${VERSIONS_MAX} versions at most.`);
  const versions = refs.size === 0 ? new Map() : await readableVersions(deps, principal, [...refs.values()]);

  const sources = new Map<string, Source>();
  const sourceOf = (name: string, make: () => Source): Source => {
    const source = sources.get(name) ?? make();
    sources.set(name, source);
    return source;
  };
  return segments.map((segment): Piece => {
    if ("chunk_id" in segment) {
      const chunk = rows.get(segment.chunk_id) as ChunkRow;
      const open = async (): Promise<Node> => parseText(chunk.manifest);
      const source = sourceOf(chunk.chunk_id, () => ({ chunk, size: chunk.size, map: lazyMap(reader, open) }));
      const { offset = 0, length = chunk.size } = segment;
      if (offset + length > chunk.size)
        throw new DriveError("invalid_request", "A segment goes beyond the end of its chunk.");
      return { source, offset, length };
    }
    const version = versions.get(keyOf(refOf(upload, segment)));
    if (version === undefined || segment.offset + segment.length > version.size) throw noBase();
    const { size, manifest } = version;
    const source = sourceOf(keyOf(version), () => ({
      chunk: null,
      size,
      map: lazyMap(reader, () => reader.root(manifest)),
    }));
    return { source, offset: segment.offset, length: segment.length };
  });
}

function refOf({ base }: UploadRow, { file_id, version_id }: Exclude<Segment, { chunk_id: string }>): VersionRef {
  const of = file_id ?? base?.file_id;
  const version = version_id ?? base?.version_id;
  if (of === undefined || version === undefined) throw noBase();
  return { file_id: of, version_id: version };
}

function lazyMap(reader: BlockReader, open: () => Promise<Node>): () => Promise<ContentMap> {
  let map: Promise<ContentMap> | undefined;
  return () => (map ??= open().then((root) => new ContentMap(reader, root)));
}

async function entriesOf({ source, offset, length }: Piece): Promise<Entry[]> {
  const found = await slice(await source.map(), offset, length);
  if (found !== null) return found;
  if (source.chunk === null) throw new DriveError("base_mismatch", "A segment does not begin and end where blocks do.");
  throw new DriveError("invalid_request", "A segment of a chunk does not begin and end where blocks do.");
}

/** Of the first block, as far as it is known without reading a leaf. */
function firstHook(first: Piece | undefined, [entry]: readonly Entry[]): string | undefined {
  if (entry?.kind === "data") return hookOf(entry.hash);
  return first?.offset === 0 ? first.source.chunk?.hooks[0] : undefined;
}

function* pickedOf({ block_bits }: UploadRow, entries: readonly Entry[]): Generator<string> {
  for (const { kind, hash } of entries) if (kind === "data" && isPicked(block_bits, hash)) yield hookOf(hash);
}
