/** The storage engine over memory, for tests in Node; the codec is the real one. */
import { createHash } from "node:crypto";
import { BoundedCache } from "../../../core/keys/bounded-cache.ts";
import { KeyRing } from "../../../core/keys/ring.ts";
import { parseMasterKeys } from "../../../core/keys/masters.ts";
import { MasterCheck } from "../../../core/keys/master-check.ts";
import { addTenantKey, type KeyDeps } from "../../../core/keys/tenant-key.ts";
import type {
  KeyCopies,
  KeyStore,
  MasterChecks,
  RotationStore,
  SweptKey,
  TenantKeyPlace,
  TenantKeyRow,
} from "../../../core/keys/ports.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { Allowance, SPARE } from "../../../core/storage/allowance.ts";
import { packMissing } from "../../../core/storage/damage.ts";
import { type Engine, LEAVES_KEPT } from "../../../core/storage/engine.ts";
import type { Bytes } from "../../../core/storage/ports.ts";
import { zstd } from "../../../platform/codec/zstd.ts";
import { TENANT } from "./drive.ts";
import { MemoryObjectStore } from "./object-store.ts";

export const MASTER_KEYS = `v1:${btoa("m".repeat(32))}`;

export class MemoryKeys implements KeyStore {
  readonly rows: TenantKeyRow[] = [];
  /** The tenants are not active. */
  is_closed = false;
  /** Rows that were written. */
  written = 0;

  async newest(tenant_id: number): Promise<TenantKeyRow | null> {
    return this.rows.findLast((row) => row.tenant_id === tenant_id) ?? null;
  }

  async find(tenant_id: number, version: number): Promise<TenantKeyRow | null> {
    return this.rows.find((row) => row.tenant_id === tenant_id && row.version === version) ?? null;
  }

  async add(row: TenantKeyRow): Promise<TenantKeyRow> {
    // At once, as a database does it.
    const there = this.rows.find((one) => one.tenant_id === row.tenant_id && one.version === row.version);
    if (there === undefined && this.is_closed) throw new DriveError("not_found", "This tenant is gone.");
    if (there === undefined) {
      this.rows.push({ ...row });
      this.written++;
    }
    return there ?? row;
  }
}

export class MemoryRotation implements RotationStore {
  readonly #keys: MemoryKeys;
  readonly #page: number;

  constructor(keys: MemoryKeys, page: number) {
    this.#keys = keys;
    this.#page = page;
  }

  async page(after: TenantKeyPlace | null): Promise<{ keys: SweptKey[]; next: TenantKeyPlace | null }> {
    const order = (a: TenantKeyPlace, b: TenantKeyPlace): number => a.tenant_id - b.tenant_id || a.version - b.version;
    const behind = this.#keys.rows.filter((row) => after === null || order(row, after) > 0).toSorted(order);
    const keys = behind.slice(0, this.#page).map((row) => ({
      ...row,
      is_newest: !this.#keys.rows.some((one) => one.tenant_id === row.tenant_id && one.version > row.version),
    }));
    return { keys, next: keys.length < this.#page ? null : (keys.at(-1) as SweptKey) };
  }

  async missing(places: readonly TenantKeyPlace[]): Promise<TenantKeyPlace[]> {
    const has = ({ tenant_id, version }: TenantKeyPlace): boolean =>
      this.#keys.rows.some((row) => row.tenant_id === tenant_id && row.version === version);
    const missing = this.#keys.is_closed ? [] : places.filter((place) => !has(place));
    return missing.map(({ tenant_id, version }) => ({ tenant_id, version }));
  }

  async swap(from: TenantKeyRow, to: TenantKeyRow): Promise<boolean> {
    const { rows } = this.#keys;
    const at = rows.findIndex(
      (row) => row.tenant_id === from.tenant_id && row.version === from.version && row.wrapped_key === from.wrapped_key,
    );
    if (at < 0 || this.#keys.is_closed) return false;
    rows[at] = to;
    this.#keys.written++;
    return true;
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

export class MemoryMasterChecks implements MasterChecks {
  readonly kept = new Map<string, { sealed: string; since: number }>();

  async create(version: string, sealed: string): Promise<string> {
    if (!this.kept.has(version)) this.kept.set(version, { sealed, since: 0 });
    return this.kept.get(version)!.sealed;
  }

  async all(): Promise<Map<string, { sealed: string; since: number }>> {
    return new Map(this.kept);
  }

  async forget(version: string): Promise<void> {
    this.kept.delete(version);
  }
}

/** What a ring stands on, in memory. */
export function memoryKeys(more: Partial<KeyDeps> & { checks?: MasterChecks; text?: string } = {}): KeyDeps {
  const { checks = new MemoryMasterChecks(), text = MASTER_KEYS, now = () => Date.now(), ...deps } = more;
  const masters = parseMasterKeys(text);
  const check = new MasterCheck(masters, checks, now);
  return { masters, store: new MemoryKeys(), copies: new MemoryKeyCopies(), check, now, ...deps };
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
  const keys = new KeyRing(memoryKeys({ store }));
  return {
    objects,
    store,
    codec: zstd,
    keys,
    spare: new Allowance(SPARE),
    leaves: new BoundedCache(LEAVES_KEPT),
    noteRead: () => undefined,
    whyMissing: async () => packMissing(),
  };
}

/** What is written from now on has another key of the tenant. @returns its version */
export async function anotherKey(engine: MemoryEngine): Promise<number> {
  const { store } = engine;
  const version = ((await store.newest(TENANT))?.version ?? 0) + 1;
  await addTenantKey(memoryKeys({ store }), { tenant_id: TENANT, version });
  // As of an isolate that has forgotten which was the newest.
  engine.keys = new KeyRing(memoryKeys({ store }));
  return version;
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
