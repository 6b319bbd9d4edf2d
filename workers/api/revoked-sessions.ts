import { ACCESS_TTL } from "../../core/identity/model.ts";
import { DriveError } from "../../core/protocol/errors.ts";
import type { D1AccountStore } from "../../platform/d1/directory/account-store.ts";
import { SharedRead } from "./shared-read.ts";

/** A revoked sign-in is refused everywhere within 60 s: this is read again every 30 s at most. Milliseconds, as below. */
const REFRESH_AFTER = 30_000;
/** While the directory is down the last list serves on, up to this age. What it lacks can hardly have been revoked then. */
const STALE_MAX = 5 * 60_000;
/** After a read that failed the list serves on for so long, before another request waits for the directory. */
const RETRY_AFTER = 5_000;
const PATIENCE = 2_000;

/** Sign-in sessions whose access tokens are still running although they were revoked. One copy an isolate. */
export class RevokedSessions {
  readonly #reading: SharedRead<void>;
  /** Revoked here, and when: a list that was on its way meanwhile does not know them. */
  readonly #own = new Map<string, number>();
  #listed: ReadonlySet<string> = new Set();
  #listed_at = -Infinity;
  #ask_at = -Infinity;

  constructor(accounts: Pick<D1AccountStore, "revokedSince">) {
    this.#reading = new SharedRead(() => this.#read(accounts), PATIENCE);
  }

  /** What this isolate has revoked itself is known at once. */
  add(session_id: string): void {
    this.#own.set(session_id, Date.now());
  }

  /** Throws `unavailable` when there is no list that is good enough, and none to be had. */
  async has(session_id: string): Promise<boolean> {
    if (Date.now() >= this.#ask_at) await this.#refresh();
    return this.#own.has(session_id) || this.#listed.has(session_id);
  }

  async #refresh(): Promise<void> {
    try {
      await this.#reading.get();
    } catch (error) {
      const now = Date.now();
      const age = now - this.#listed_at;
      console.error({ message: "the list of revoked sign-ins cannot be read", age, error: String(error) });
      if (age > STALE_MAX) throw new DriveError("unavailable", "Sign-ins cannot be checked now; please try again.");
      this.#ask_at = now + RETRY_AFTER;
    }
  }

  async #read(accounts: Pick<D1AccountStore, "revokedSince">): Promise<void> {
    const now = Date.now();
    this.#listed = new Set(await accounts.revokedSince(now - ACCESS_TTL));
    this.#listed_at = now;
    this.#ask_at = now + REFRESH_AFTER;
    for (const [session_id, at] of this.#own) if (at < now - ACCESS_TTL) this.#own.delete(session_id);
  }
}
