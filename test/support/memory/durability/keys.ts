/** The keys of the tenant: masters that come and go, and rotations whose every call waits for its turn. docs/spec/storage.md, K1 to K9. */
import { MasterCheck } from "../../../../core/keys/master-check.ts";
import { parseMasterKeys } from "../../../../core/keys/masters.ts";
import type { TenantKeyPlace } from "../../../../core/keys/ports.ts";
import { copiesUse, retireMaster } from "../../../../core/keys/retire.ts";
import { KeyRing } from "../../../../core/keys/ring.ts";
import { rotateKeys } from "../../../../core/keys/rotate.ts";
import type { KeyDeps } from "../../../../core/keys/tenant-key.ts";
import { TENANT } from "../drive.ts";
import { MemoryKeyCopies, MemoryKeys, MemoryMasterChecks, MemoryRotation } from "../engine.ts";
import { type Actor, portsOf } from "./actors.ts";

/** Rows of a page: few, so that others come in between. */
const PAGE = 2;

export class Keys {
  readonly #store = new MemoryKeys();
  readonly #copies = new MemoryKeyCopies();
  readonly #checks = new MemoryMasterChecks();
  readonly #now: () => number;
  /** Numbers of masters. */
  #newest = 1;
  #oldest = 1;
  /** Of isolates that began with the masters of now. */
  ring: KeyRing;

  constructor(now: () => number) {
    this.#now = now;
    this.ring = new KeyRing(this.#deps());
  }

  #deps(): KeyDeps {
    const names = Array.from({ length: this.#newest - this.#oldest + 1 }, (_, i) => this.#oldest + i);
    const text = names.map((n) => `v${n}:${btoa(`${n}`.padEnd(32, "m"))}`).join();
    const masters = parseMasterKeys(text);
    const check = new MasterCheck(masters, this.#checks, this.#now);
    return { masters, store: this.#store, copies: this.#copies, check, now: this.#now };
  }

  /** From now on isolates begin with it; those that are under way know nothing of it. */
  addMaster(): void {
    this.#newest += 1;
    this.ring = new KeyRing(this.#deps());
  }

  /** All keys, by the masters of now; the newest version gets a successor. */
  async rotate(turn: Actor["turn"], report: (place: TenantKeyPlace, error: unknown) => void): Promise<void> {
    const port = portsOf(turn);
    const deps = this.#deps();
    const keys = port(new MemoryRotation(this.#store, PAGE));
    const its = { ...deps, store: port(deps.store), copies: port(deps.copies), keys, report };
    let next: TenantKeyPlace | null = null;
    do ({ next } = await rotateKeys(its, Infinity, next));
    while (next !== null);
  }

  /** When nothing is under way: every key goes under the newest master, which is then the only one. */
  async retire(): Promise<void> {
    const now = async (): Promise<void> => undefined;
    const report = (_: TenantKeyPlace, error: unknown): never => {
      throw new Error(`a key is missing: ${String(error)}`);
    };
    // A master that nothing was ever wrapped by retires no other.
    await this.ring.newPackKey(TENANT, "");
    await this.rotate(now, report);
    const deps = { ...this.#deps(), checks: this.#checks, uses: [copiesUse(this.#copies)] };
    for (let n = this.#oldest; n < this.#newest; n++) await retireMaster(deps, `v${n}`);
    this.#oldest = this.#newest;
    this.ring = new KeyRing(this.#deps());
  }
}
