/** The wire of uploads over memory, as docs/spec/uploads.md says it: what clients are tested against. Versions are kept as blocks. */
import { createHash } from "node:crypto";
import { type BlockBits, chooseBits } from "../../../core/blocks/classes.ts";
import { cutBlocks } from "../../../core/blocks/stream.ts";
import { type ByteSource, memorySource, unpackWith } from "../../../core/delta/index.ts";
import { decodeFrames, frameBlocks, FRAMES_MEDIA_TYPE } from "../../../core/frames/index.ts";
import { DriveError, type ErrorCode } from "../../../core/protocol/errors.ts";
import { newId } from "../../../core/protocol/ids.ts";
import { deltaChangeSchema, putChangeSchema } from "../../../core/protocol/sync.ts";
import { zstd } from "../../../platform/codec/zstd.ts";
import { type Answer, problem, type Seen } from "../http-server.ts";

const TENANT = 7;
const MIB = 1024 * 1024;
const unpack = unpackWith(zstd);
const STATUS: Partial<Record<ErrorCode, number>> = { precondition_failed: 412, not_found: 404, invalid_request: 422 };

type Blocks = Uint8Array[];
interface Version {
  version_id: string;
  blocks: Blocks;
}
export interface StoredFile {
  file_id: string;
  name: string;
  bits: BlockBits;
  /** The current one last. */
  versions: Version[];
}
interface Ref {
  file_id?: string | undefined;
  version_id?: string | undefined;
}
interface Segment extends Ref {
  chunk_id?: string;
  offset?: number;
  length?: number;
}
interface Target {
  file_id?: string | undefined;
  parent_id?: string | undefined;
  name?: string | undefined;
  if_version_id?: string | undefined;
}
interface Base {
  base_file_id?: string;
  base_version_id?: string;
}
interface Session extends Target {
  upload_id: string;
  size: number;
  base: Ref;
  chunks: { index: number; chunk_id: string; blocks: Blocks }[];
  state: "open" | "committed" | "aborted";
  made: string | null;
}

const fail = (code: ErrorCode, detail: string = code): never => {
  throw new DriveError(code, detail);
};
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const lengthOf = (blocks: Blocks): number => blocks.reduce((sum, { length }) => sum + length, 0);

async function cut(bytes: Uint8Array, bits: BlockBits): Promise<Blocks> {
  const blocks: Blocks = [];
  const pieces = (async function* () {
    yield bytes;
  })();
  for await (const block of cutBlocks(pieces, bits)) blocks.push(block.slice());
  return blocks;
}

/** Whole blocks of a range (U18). */
function within(blocks: Blocks, offset: number, length: number, code: ErrorCode): Blocks {
  const out: Blocks = [];
  let at = 0;
  for (const block of blocks) {
    if (at >= offset && at + block.length <= offset + length) out.push(block);
    at += block.length;
  }
  if (lengthOf(out) !== length || length === 0) fail(code, "not at the ends of blocks");
  return out;
}

export class UploadServer {
  readonly files = new Map<string, StoredFile>();
  readonly sessions = new Map<string, Session>();
  readonly ops = new Map<string, string>();
  part_size = 8 * MIB;

  readonly handler = async (seen: Seen): Promise<Answer> => {
    try {
      return await this.#serve(seen);
    } catch (error) {
      if (error instanceof DriveError) return problem(STATUS[error.code] ?? 409, error.code, error.extra);
      throw error;
    }
  };

  bytesOf(file_id: string): Buffer {
    return Buffer.concat(this.files.get(file_id)!.versions.at(-1)!.blocks);
  }

  purge(file_id: string, version_id: string): void {
    const file = this.files.get(file_id)!;
    file.versions = file.versions.filter((version) => version.version_id !== version_id);
  }

  async #serve(seen: Seen): Promise<Answer> {
    const { method, path, query } = seen;
    const [, top, id, action] = path.split("/") as [string, string, string, string | undefined];
    const key = String(seen.headers["idempotency-key"]);
    if (path === "/sync/delta") return { status: 200, json: await this.#batch(seen) };
    if (path === "/files/upload" && !query.has("name")) return this.#start(seen, key);
    if (path === "/files/upload" || (top === "files" && method === "PUT")) {
      const if_version_id = this.#ifMatch(seen);
      const target: Target =
        method === "PUT" ? { file_id: id, if_version_id } : { parent_id: "root", name: query.get("name")! };
      return { status: 201, json: await this.#once(key, target, (bits) => cut(seen.body, bits), seen.body.length) };
    }
    if (top === "files") return { status: 200, json: this.#wire(this.files.get(id) ?? fail("not_found")) };
    if (top === "chunks") return this.#chunk(seen, id);
    const session = this.sessions.get(id) ?? fail("unknown_upload");
    if (method === "DELETE") return Object.assign({ status: 204 }, void (session.state = "aborted"));
    if (action === "negotiate") return { status: 200, json: this.#negotiate(session, seen.json() as never) };
    if (action === "complete") return { status: 201, json: await this.#complete(session, seen, key) };
    const chunks = session.chunks.map(({ index, chunk_id, blocks }) => ({ index, chunk_id, size: lengthOf(blocks) }));
    const received_bytes = chunks.reduce((sum, { size }) => sum + size, 0);
    const json = { ...this.#sessionWire(session), state: session.state, size: session.size, received_bytes, chunks };
    return { status: 200, json: { ...json, file_id: session.made } };
  }

  #ifMatch({ headers }: Seen): string | undefined {
    return headers["if-match"]?.slice(1, -1);
  }

  #wire(file: StoredFile): object {
    const { version_id, blocks } = file.versions.at(-1)!;
    return { file_id: file.file_id, name: file.name, version_id, size: lengthOf(blocks) };
  }

  #version({ file_id, version_id }: Ref): Version {
    const found = this.files.get(file_id ?? "")?.versions.find((version) => version.version_id === version_id);
    return found ?? fail("base_mismatch");
  }

  #bits({ file_id }: Target, size: number): BlockBits {
    return chooseBits(size, this.files.get(file_id ?? "")?.bits ?? null);
  }

  /** A commit, once an operation (H5). */
  async #once(
    op_id: string,
    target: Target,
    make: (bits: BlockBits) => Promise<Blocks>,
    size: number,
  ): Promise<object> {
    const done = this.files.get(this.ops.get(op_id) ?? "");
    if (done !== undefined) return this.#wire(done);
    const bits = this.#bits(target, size);
    const blocks = await make(bits);
    if (lengthOf(blocks) !== size) fail("size_mismatch");
    const version = { version_id: newId(TENANT, Date.now()), blocks };
    const file = target.file_id === undefined ? this.#create(target, bits) : this.files.get(target.file_id);
    if (file === undefined) return fail("not_found");
    const { if_version_id } = target;
    if (if_version_id !== undefined && if_version_id !== file.versions.at(-1)?.version_id) fail("precondition_failed");
    file.bits = bits;
    file.versions.push(version);
    this.ops.set(op_id, file.file_id);
    return this.#wire(file);
  }

  #create({ name = "" }: Target, bits: BlockBits): StoredFile {
    if ([...this.files.values()].some((file) => file.name === name)) fail("name_taken");
    const file: StoredFile = { file_id: newId(TENANT, Date.now()), name, bits, versions: [] };
    this.files.set(file.file_id, file);
    return file;
  }

  #sessionWire(session: Session): object {
    const { upload_id, size } = session;
    const block_bits = this.#bits(session, size);
    return { upload_id, part_size: this.part_size, block_bits, max_parallel: 5, expires_at: "2030-01-01T00:00:00Z" };
  }

  #start(seen: Seen, key: string): Answer {
    const { base_version_id, base_file_id, ...input } = seen.json() as Target & Base & { size: number };
    const earlier = [...this.sessions.values()].find(({ upload_id }) => upload_id === this.ops.get(`start ${key}`));
    if (earlier !== undefined) return { status: 200, json: this.#sessionWire(earlier) };
    const base = { file_id: base_file_id ?? input.file_id, version_id: base_version_id };
    if (base_version_id !== undefined) this.#version(base);
    const session: Session = {
      ...input,
      upload_id: newId(TENANT, Date.now()),
      if_version_id: this.#ifMatch(seen),
      base,
      chunks: [],
      state: "open",
      made: null,
    };
    this.sessions.set(session.upload_id, session);
    this.ops.set(`start ${key}`, session.upload_id);
    return { status: 200, json: this.#sessionWire(session) };
  }

  async #frames(body: Uint8Array, bits: (frame: number) => BlockBits, base: (frame: number) => Ref, max: number) {
    const stream = (async function* () {
      yield body;
    })();
    const frames = decodeFrames(stream, { max_raw_bytes: max, max_frames: 16_384 });
    const source = (ref: Ref) => async (): Promise<ByteSource | undefined> =>
      ref.version_id === undefined ? undefined : memorySource(Buffer.concat(this.#version(ref).blocks));
    const made: { frame: number; raw: Uint8Array }[] = [];
    const context = (frame: number) => ({ bits: bits(frame), base: source(base(frame)) });
    for await (const { frame, raw } of frameBlocks(frames, unpack, context, 1000))
      made.push({ frame, raw: raw.slice() });
    return made;
  }

  async #chunk({ query, headers, body }: Seen, chunk_id: string): Promise<Answer> {
    const session = this.sessions.get(query.get("upload_id") ?? "") ?? fail("unknown_upload");
    if (session.state !== "open") fail(session.state === "committed" ? "upload_completed" : "unknown_upload");
    if (sha256(body) !== chunk_id) fail("hash_mismatch");
    const bits = this.#bits(session, session.size);
    const index = Number(query.get("index"));
    const isFrames = headers["content-type"] === FRAMES_MEDIA_TYPE;
    if (session.chunks.reduce((sum, { blocks }) => sum + lengthOf(blocks), 0) > 2 * session.size + this.part_size)
      fail("too_many_chunks");
    const blocks = isFrames
      ? (
          await this.#frames(
            body,
            () => bits,
            () => session.base,
            this.part_size,
          )
        ).map(({ raw }) => raw)
      : await cut(body, bits);
    if (lengthOf(blocks) > this.part_size) fail("chunk_too_large");
    if (!session.chunks.some((chunk) => chunk.index === index && chunk.chunk_id === chunk_id))
      session.chunks.push({ index, chunk_id, blocks });
    return { status: 200, json: { received_bytes: body.length } };
  }

  #negotiate({ base }: Session, { blocks }: { blocks: { hash: string; length: number }[] }): object {
    const segments: object[] = [];
    const known = new Map<string, { file_id: string; version_id: string; offset: number }>();
    for (const { file_id, versions } of this.files.values())
      for (const { version_id, blocks } of versions) {
        let offset = 0;
        for (const block of blocks) {
          known.set(sha256(block), { file_id, version_id, offset });
          offset += block.length;
        }
      }
    const missing: object[] = [];
    if (base.version_id !== undefined) this.#version(base);
    for (const [first, { hash, length }] of blocks.entries()) {
      const place = known.get(hash);
      if (place === undefined) missing.push({ first, count: 1 });
      else segments.push({ first, count: 1, ...place, length });
    }
    return { segments, missing };
  }

  async #complete(session: Session, seen: Seen, key: string): Promise<object> {
    const done = this.files.get(this.ops.get(key) ?? "");
    if (done !== undefined) return this.#wire(done);
    if (session.state !== "open") fail(session.state === "committed" ? "upload_completed" : "unknown_upload");
    const { chunks = [], segments } = seen.json() as { chunks?: string[]; segments?: Segment[] };
    const wanted: Segment[] = segments ?? chunks.map((chunk_id) => ({ chunk_id }));
    const missing = wanted.filter((s) => s.chunk_id && !session.chunks.some((c) => c.chunk_id === s.chunk_id));
    if (missing.length > 0) throw new DriveError("missing_chunks", "", { missing: missing.map((s) => s.chunk_id) });
    const blocks = wanted.flatMap(({ chunk_id, offset, length, ...ref }) => {
      if (chunk_id === undefined)
        return within(this.#version(ref.version_id ? ref : session.base).blocks, offset!, length!, "base_mismatch");
      const all = session.chunks.find((chunk) => chunk.chunk_id === chunk_id)!.blocks;
      return within(all, offset ?? 0, length ?? lengthOf(all), "invalid_request");
    });
    const file = (await this.#once(key, session, async () => blocks, session.size)) as { file_id: string };
    session.state = "committed";
    session.made = file.file_id;
    return file;
  }

  async #batch({ body, headers }: Seen): Promise<object> {
    if (headers["content-type"] !== FRAMES_MEDIA_TYPE) fail("invalid_request");
    const length = new DataView(body.buffer, body.byteOffset).getUint32(0);
    const { changes } = JSON.parse(Buffer.from(body.subarray(4, 4 + length)).toString()) as { changes: unknown[] };
    for (const change of changes) deltaChangeSchema.or(putChangeSchema).parse(change);
    const puts = changes.map((change) => putChangeSchema.parse(change));
    const owner = puts.flatMap((put) => Array.from({ length: put.frames }, () => put));
    const isDone = (op_id: string): boolean => this.ops.has(`batch ${op_id}`);
    const baseOf = (put: (typeof puts)[number]): Ref =>
      isDone(put.op_id) ? {} : { file_id: put.base_file_id ?? put.file_id!, version_id: put.base_version_id! };
    const made = puts.every(({ op_id }) => isDone(op_id))
      ? []
      : await this.#frames(
          body.subarray(4 + length),
          (frame) => this.#bits(owner[frame]!, owner[frame]!.size),
          (frame) => baseOf(owner[frame]!),
          64 * MIB,
        );
    const results = [];
    let frames = 0;
    for (const put of puts) {
      const own = made.filter(({ frame }) => frame >= frames && frame < frames + put.frames).map(({ raw }) => raw);
      frames += put.frames;
      const all = made.map(({ raw }) => raw);
      const blocks = async (): Promise<Blocks> =>
        put.segments?.flatMap(({ version_id, file_id, offset, length }) =>
          version_id === undefined
            ? within(all, offset, length, "invalid_request")
            : within(
                this.#version({ version_id, file_id: file_id ?? baseOf(put).file_id! }).blocks,
                offset,
                length,
                "base_mismatch",
              ),
        ) ?? own;
      try {
        const file = await this.#once(`batch ${put.op_id}`, put, blocks, put.size);
        results.push({ op_id: put.op_id, status: "applied", file, code: null, detail: null });
      } catch (error) {
        if (!(error instanceof DriveError)) throw error;
        results.push({ op_id: put.op_id, status: "rejected", file: null, code: error.code, detail: error.message });
      }
    }
    return { results };
  }
}
