import type { Me, SignedIn, User } from "../core/protocol/auth.ts";
import { newSecret } from "../core/protocol/ids.ts";
import { isCode } from "./errors.ts";
import type { Http, TokenSource } from "./http.ts";
import type { KeyValueStorage } from "./storage.ts";

/** By address: two people who share a browser are two devices, and each stays the same one. */
const device_key = (email: string): string => `edgedrive.device_id:${email.trim().toLowerCase()}`;
const REFRESH = "edgedrive.refresh_token";
/** The `Idempotency-Key` of a refresh that has no answer yet. */
const REFRESH_KEY = "edgedrive.refresh_key";
const USER = "edgedrive.user";

/** A token this close to its end is renewed first where a request cannot be retried (a download by the browser itself). */
const FRESH_MARGIN_MS = 120_000;

export interface SessionOptions {
  http: Http;
  storage: KeyValueStorage;
  device_name?: string;
  platform?: string;
  /**
   * Runs a task while no other process that shares the storage runs one. Refresh tokens rotate, and using an old one
   * revokes the whole family: two tabs must not spend the same one. A browser gives `navigator.locks.request`.
   */
  exclusively?: <T>(task: () => Promise<T>) => Promise<T>;
}

export type SignInState = "signed_out" | "signed_in";

/** The sign-in session of this device: access token in memory only, the rest in the storage. */
export class Session implements TokenSource {
  readonly #http: Http;
  readonly #storage: KeyValueStorage;
  readonly #about: { device_name?: string; platform?: string };
  readonly #exclusively: <T>(task: () => Promise<T>) => Promise<T>;
  readonly #listeners = new Set<() => void>();
  #access: { token: string; expires_at: number } | null = null;
  #renewing: Promise<string | null> | null = null;

  constructor({ http, storage, device_name, platform, exclusively }: SessionOptions) {
    this.#http = http;
    this.#storage = storage;
    this.#about = { ...(device_name && { device_name }), ...(platform && { platform }) };
    this.#exclusively = exclusively ?? ((task) => task());
    http.authenticate(this);
  }

  get state(): SignInState {
    return this.#storage.getItem(REFRESH) === null ? "signed_out" : "signed_in";
  }

  /** Who signed in last here; known without a request, so also when offline. */
  get user(): User | null {
    const kept = this.#storage.getItem(USER);
    return this.state === "signed_in" && kept !== null ? (JSON.parse(kept) as User) : null;
  }

  /** Of this device, for whoever is signed in. */
  get device_id(): string | null {
    return this.user && this.#storage.getItem(device_key(this.user.email));
  }

  access_token(): string | null {
    return this.#access?.token ?? null;
  }

  /** Told when someone signs in or out. @returns how to stop listening */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Codes: `account_exists`, `invite_required`, `registration_closed`, `invalid_request`. */
  async register(input: { email: string; password: string; name: string; invite?: string }): Promise<User> {
    const json = { ...input, ...this.#about };
    return this.#keep(
      await this.#http.json<SignedIn>({ method: "POST", path: "/auth/register", json, anonymous: true }),
    );
  }

  /** Codes: `invalid_credentials`, `rate_limited`. Signing in again is the same device, so its history goes on. */
  async login(input: { email: string; password: string }): Promise<User> {
    const device_id = this.#storage.getItem(device_key(input.email));
    const json = { ...input, ...this.#about, ...(device_id && { device_id }) };
    return this.#keep(await this.#http.json<SignedIn>({ method: "POST", path: "/auth/login", json, anonymous: true }));
  }

  /** Ends the session on the server if it can be reached, and here in any case. */
  async logout(): Promise<void> {
    try {
      await this.#http.done({ method: "POST", path: "/auth/logout" });
    } finally {
      this.#forget();
    }
  }

  /** Deletes the account with all its files, for good; then nobody is signed in here. Codes: `wrong_password`, `forbidden`, `rate_limited`. */
  async end_account(password: string): Promise<void> {
    await this.#http.done({ method: "DELETE", path: "/me", json: { password } });
    this.#forget();
  }

  me(signal?: AbortSignal): Promise<Me> {
    return this.#http.json<Me>({ path: "/me", signal });
  }

  /** A token that will hold for the next two minutes; null when nobody is signed in. @throws NetworkError when offline */
  async fresh_token(): Promise<string | null> {
    if (this.#access && this.#access.expires_at - Date.now() > FRESH_MARGIN_MS) return this.#access.token;
    return this.renew(this.access_token());
  }

  /** Many requests may find their token expired at once: one refresh serves them all. */
  renew(refused: string | null): Promise<string | null> {
    const current = this.access_token();
    if (current !== null && current !== refused) return Promise.resolve(current);
    this.#renewing ??= this.#exclusively(() => this.#refresh()).finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #refresh(): Promise<string | null> {
    // Read inside the lock: another tab may have rotated the token while we waited.
    const refresh_token = this.#storage.getItem(REFRESH);
    if (refresh_token === null) return null;
    // Kept until the answer is here: when it is lost, even with this program, the next try gets it again by the same key.
    // With another key it would be a re-use of the token, which ends the sign-in.
    const key = this.#storage.getItem(REFRESH_KEY) ?? newSecret();
    this.#storage.setItem(REFRESH_KEY, key);
    try {
      const answer = await this.#http.json<SignedIn>({
        method: "POST",
        path: "/auth/refresh",
        json: { refresh_token },
        headers: { "idempotency-key": key },
        anonymous: true,
      });
      this.#keep(answer);
      return answer.access_token;
    } catch (error) {
      if (!isCode(error, "invalid_refresh_token", "token_revoked", "invalid_request")) throw error;
      this.#forget();
      return null;
    }
  }

  #keep(answer: SignedIn): User {
    const before = this.state;
    this.#access = { token: answer.access_token, expires_at: Date.now() + answer.expires_in * 1000 };
    this.#storage.setItem(REFRESH, answer.refresh_token);
    this.#storage.removeItem(REFRESH_KEY);
    this.#storage.setItem(device_key(answer.user.email), answer.device_id);
    this.#storage.setItem(USER, JSON.stringify(answer.user));
    if (before === "signed_out") this.#tell();
    return answer.user;
  }

  /** Keeps the device's id: the next sign-in here is the same device. */
  #forget(): void {
    this.#access = null;
    for (const name of [REFRESH, REFRESH_KEY, USER]) this.#storage.removeItem(name);
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
