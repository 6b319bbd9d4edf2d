/** The storage engine over memory, for tests in Node; the codec is the real one. */
import { createHash } from "node:crypto";
import { BoundedCache } from "../../../core/keys/bounded-cache.ts";
import { KeyRing } from "../../../core/keys/ring.ts";
import { parseMasterKeys } from "../../../core/keys/masters.ts";
import type { KeyCopies, KeyStore, TenantKeyPlace, TenantKeyRow } from "../../../core/keys/ports.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { Allowance, SPARE } from "../../../core/storage/allowance.ts";
import { type Engine, LEAVES_KEPT } from "../../../core/storage/engine.ts";
import type { Bytes } from "../../../core/storage/ports.ts";
import { zstd } from "../../../platform/codec/zstd.ts";
import { MemoryObjectStore } from "./object-store.ts";

export const MASTER_KEYS = `v1:${btoa("m".repeat(32))}`;

export class MemoryKeys implements KeyStore {
  readonly rows: TenantKeyRow[] = [];
  /** The tenants are not active. */
  is_closed = false;

  async newest(tenant_id: number): Promise<TenantKeyRow | null> {
    return this.rows.findLast((row) => row.tenant_id === tenant_id) ?? null;
  }

  async find(tenant_id: number, version: number): Promise<TenantKeyRow | null> {
    return this.rows.find((row) => row.tenant_id === tenant_id && row.version === version) ?? null;
  }

  async add(row: TenantKeyRow): Promise<TenantKeyRow> {
    const there = await this.find(row.tenant_id, row.version);
    if (there === null && this.is_closed) throw new DriveError("not_found", "This tenant is gone.");
    if (there === null) this.rows.push(row);
    return there ?? row;
  }
}

export class MemoryKeyCopies implements KeyCopies {
  readonly #rows = new Map<string, TenantKeyRow>();

  #name({ tenant_id, version }: TenantKeyPlace): string {
    return `${String(tenant_id).padStart(10, "0")}/${String(version).padStart(6, "0")}`;
  }

  get rows(): TenantKeyRow[] {
    return [...this.#rows].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  }

  async create(row: TenantKeyRow): Promise<TenantKeyRow> {
    // At once, as R2 does it.
    const there = this.#rows.get(this.#name(row));
    if (there === undefined) this.#rows.set(this.#name(row), row);
    return there ?? row;
  }

  async put(row: TenantKeyRow): Promise<void> {
    this.#rows.set(this.#name(row), row);
  }

  async find(place: TenantKeyPlace): Promise<TenantKeyRow | null> {
    return this.#rows.get(this.#name(place)) ?? null;
  }

  async page(after: TenantKeyPlace | null): Promise<TenantKeyRow[]> {
    return this.rows.filter((row) => after === null || this.#name(row) > this.#name(after)).slice(0, 1_000);
  }

  async forget(tenant_id: number): Promise<void> {
    for (const row of this.rows) if (row.tenant_id === tenant_id) this.#rows.delete(this.#name(row));
  }
}

export const nodeBytes: Bytes = {
  hasher() {
    const hash = createHash("sha256");
    return { update: async (piece) => void hash.update(piece), digest: async () => hash.digest("hex") };
  },
  async *pieces(body, size) {
    // Most bodies of tests are much shorter than a piece.
    let buffer = new Uint8Array(Math.min(size, 64 * 1024));
    let length = 0;
    for await (const bytes of body)
      for (let from = 0; from < bytes.length;) {
        const piece = bytes.subarray(from, from + size - length);
        if (length + piece.length > buffer.length) {
          const grown = new Uint8Array(Math.min(size, Math.max(length + piece.length, 2 * buffer.length)));
          grown.set(buffer.subarray(0, length));
          buffer = grown;
        }
        buffer.set(piece, length);
        length += piece.length;
        from += piece.length;
        if (length < size) continue;
        yield buffer;
        length = 0;
      }
    if (length > 0) yield buffer.subarray(0, length);
  },
  async discard(body) {
    await body.cancel();
  },
};

export interface MemoryEngine extends Engine {
  objects: MemoryObjectStore;
  store: MemoryKeys;
}

export function memoryEngine(objects = new MemoryObjectStore(), store = new MemoryKeys()): MemoryEngine {
  const keys = new KeyRing(parseMasterKeys(MASTER_KEYS), store, new MemoryKeyCopies(), () => Date.now());
  return { objects, store, codec: zstd, keys, spare: new Allowance(SPARE), leaves: new BoundedCache(LEAVES_KEPT) };
}

/** Whether two runs of bytes are the same; a failed `toEqual` over megabytes takes minutes to show. */
export const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

export async function* piecesOf(bytes: Uint8Array, size = 1024 * 1024): AsyncIterable<Uint8Array> {
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
  }
}
