/** Which packs were read on which day: one row each at most, written behind the answers. docs/spec/tiers.md, TI1 to TI3. */
import { parseText } from "../manifests/root.ts";
import type { TenantId } from "../protocol/ids.ts";
import { dayOf } from "./policy.ts";

/** Packs and versions that an isolate remembers to have noted today: some 100 bytes each. */
const REMEMBERED_MAX = 20_000;

/** Packs of one statement. */
const STATEMENT_MAX = 1_000;

export interface ReadLogPorts {
  /** A pack that has the day already stays as it is. */
  save(tenant_id: TenantId, pack_ids: readonly string[], day: number): Promise<void>;
  /** Runs it a little later, behind the answer: what is noted meanwhile goes along. */
  later(work: () => Promise<void>): void;
  now(): number;
}

export class ReadLog {
  readonly #ports: ReadLogPorts;
  /** Of `#day`, by tenant and pack, or by version. */
  readonly #noted = new Set<string>();
  readonly #waiting = new Map<TenantId, Set<string>>();
  #day = 0;

  constructor(ports: ReadLogPorts) {
    this.#ports = ports;
  }

  /** A block of it was read. Costs nothing but memory for all but the first read of a day. */
  note(tenant_id: TenantId, pack_id: string): void {
    if (this.#isNoted(`${tenant_id}/${pack_id}`) || this.#isFresh(pack_id)) return;
    if (this.#waiting.size === 0) this.#ports.later(() => this.#save());
    const packs = this.#waiting.get(tenant_id) ?? new Set();
    this.#waiting.set(tenant_id, packs.add(pack_id));
  }

  /** A content was sent from a cache: its packs are wanted all the same. Never throws. */
  async noteContent(tenant_id: TenantId, version_id: string, manifest: string): Promise<void> {
    if (this.#isNoted(version_id)) return;
    const { packs } = await parseText(manifest).catch(() => ({ packs: [] }));
    for (const pack_id of packs) this.note(tenant_id, pack_id);
  }

  /** Whether it was today; it is from now on. */
  #isNoted(name: string): boolean {
    const day = dayOf(this.#ports.now());
    if (day !== this.#day || this.#noted.size >= REMEMBERED_MAX) this.#noted.clear();
    this.#day = day;
    if (this.#noted.has(name)) return true;
    this.#noted.add(name);
    return false;
  }

  /** A pack's id begins with the milliseconds of its upload (PK1), and the day it was written counts as a read. */
  #isFresh(pack_id: string): boolean {
    return dayOf(Number.parseInt(pack_id.slice(0, 12), 16)) === this.#day;
  }

  async #save(): Promise<void> {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [tenant_id, packs] of waiting) {
      const pack_ids = [...packs];
      try {
        for (let at = 0; at < pack_ids.length; at += STATEMENT_MAX)
          await this.#ports.save(tenant_id, pack_ids.slice(at, at + STATEMENT_MAX), this.#day);
      } catch {
        // The next read of the day notes them again.
        for (const pack_id of pack_ids) this.#noted.delete(`${tenant_id}/${pack_id}`);
      }
    }
  }
}
