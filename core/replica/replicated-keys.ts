/** Copies of keys, and what is kept of masters, in the primary, else in the replica. docs/spec/replica.md, RP15. */
import type { KeyCopies, MasterChecks, TenantKeyPlace, TenantKeyRow } from "../keys/ports.ts";
import type { TenantId } from "../protocol/ids.ts";
import { OBJECT_PATIENCE, orUnavailable, withDeadline } from "../storage/deadline.ts";

/** Milliseconds for the primary before the replica is asked. */
const PRIMARY_PATIENCE = 5_000;

class Pair<T> {
  readonly #primary: T;
  readonly #replica: T | null;

  /** @param replica marks what is written there (RP6); null where there is one bucket */
  constructor(primary: T, replica: T | null) {
    this.#primary = primary;
    this.#replica = replica;
  }

  inPrimary<R>(work: (side: T) => Promise<R>): Promise<R> {
    return withDeadline(work(this.#primary), this.#replica === null ? OBJECT_PATIENCE : PRIMARY_PATIENCE);
  }

  async inReplica<R>(work: (side: T) => Promise<R>, otherwise: unknown): Promise<R> {
    if (this.#replica === null) throw otherwise;
    return withDeadline(work(this.#replica), OBJECT_PATIENCE);
  }

  /** @throws `unavailable` when both fail */
  either<R>(work: (side: T) => Promise<R>): Promise<R> {
    return orUnavailable(this.inPrimary(work).catch((error: unknown) => this.inReplica(work, error)));
  }

  /** So that neither a copy nor a healing that is under way brings back what is deleted (RP10). @throws `unavailable` */
  async inBoth(work: (side: T) => Promise<void>): Promise<void> {
    const all = async (): Promise<void> => {
      await this.inPrimary(work);
      if (this.#replica === null) return;
      await this.inReplica(work, null);
      await this.inPrimary(work);
    };
    return orUnavailable(all());
  }

  get isOne(): boolean {
    return this.#replica === null;
  }
}

/** Of two that make one version at once, one in each bucket, the row decides; both end with it (K5). */
export class ReplicatedKeyCopies implements KeyCopies {
  readonly #pair: Pair<KeyCopies>;

  constructor(primary: KeyCopies, replica: KeyCopies | null) {
    this.#pair = new Pair(primary, replica);
  }

  create(row: TenantKeyRow): Promise<TenantKeyRow> {
    return this.#pair.either((side) => side.create(row));
  }

  put(row: TenantKeyRow): Promise<void> {
    return this.#pair.either((side) => side.put(row));
  }

  /** Null only when both say so: without its key a pack counts as damaged. */
  find(place: TenantKeyPlace): Promise<TenantKeyRow | null> {
    const work = (side: KeyCopies): Promise<TenantKeyRow | null> => side.find(place);
    const both = async (): Promise<TenantKeyRow | null> => {
      const primary = await this.#pair.inPrimary(work).then(
        (found) => ({ found }),
        (error: unknown) => ({ error }),
      );
      if ("found" in primary && (primary.found !== null || this.#pair.isOne)) return primary.found;
      const error = "error" in primary ? primary.error : null;
      const found = await this.#pair.inReplica(work, error);
      if (found === null && error !== null) throw error;
      return found;
    };
    return orUnavailable(both());
  }

  page(after: TenantKeyPlace | null): Promise<TenantKeyRow[]> {
    return this.#pair.either((side) => side.page(after));
  }

  forget(tenant_id: TenantId): Promise<void> {
    return this.#pair.inBoth((side) => side.forget(tenant_id));
  }
}

export class ReplicatedMasterChecks implements MasterChecks {
  readonly #pair: Pair<MasterChecks>;

  constructor(primary: MasterChecks, replica: MasterChecks | null) {
    this.#pair = new Pair(primary, replica);
  }

  create(version: string, sealed: string): Promise<string> {
    return this.#pair.either((side) => side.create(version, sealed));
  }

  all(): Promise<Map<string, { sealed: string; since: number }>> {
    return this.#pair.either((side) => side.all());
  }

  forget(version: string): Promise<void> {
    return this.#pair.inBoth((side) => side.forget(version));
  }
}
