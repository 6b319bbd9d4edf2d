import { ACCESS_TTL } from "../../core/identity/model.ts";
import type { D1AccountStore } from "../../platform/d1/directory/account-store.ts";

/** A revoked sign-in is refused everywhere within 60 s: this is read again every 30 s at most. */
const REFRESH_AFTER = 30_000;

/** Sign-in sessions whose access tokens are still running although they were revoked. One copy an isolate. */
export class RevokedSessions {
  readonly #accounts: D1AccountStore;
  #ids = new Set<string>();
  #until = 0;
  #reading: Promise<void> | null = null;

  constructor(accounts: D1AccountStore) {
    this.#accounts = accounts;
  }

  /** What this isolate has revoked itself is known at once. */
  add(session_id: string): void {
    this.#ids.add(session_id);
  }

  async has(session_id: string): Promise<boolean> {
    if (Date.now() >= this.#until) await (this.#reading ??= this.#read());
    return this.#ids.has(session_id);
  }

  async #read(): Promise<void> {
    try {
      const now = Date.now();
      this.#ids = new Set(await this.#accounts.revokedSince(now - ACCESS_TTL));
      this.#until = now + REFRESH_AFTER;
    } finally {
      this.#reading = null;
    }
  }
}
