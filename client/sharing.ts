import type { Page, PermissionWord } from "../core/protocol/common.ts";
import type { File } from "../core/protocol/files.ts";
import type { LinkInfo, Permission } from "../core/protocol/sharing.ts";
import type { Http } from "./http.ts";

export type { LinkInfo, Permission };
export type Grantable = Exclude<PermissionWord, "owner">;
export interface SharedWithMe {
  file: File;
  shared_by: string | null;
  shared_at: string;
}

export class Sharing {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** @param options `expires_in` is in seconds */
  link(
    file_id: string,
    options: { permission: Grantable; expires_in?: number; password?: string; max_downloads?: number },
  ): Promise<Permission> {
    return this.#http.json({ method: "POST", path: `/files/${file_id}/share`, json: { link: true, ...options } });
  }

  /** Someone without an account gets the file when they register with this address. */
  person(file_id: string, email: string, permission: Grantable): Promise<Permission> {
    return this.#http.json({ method: "POST", path: `/files/${file_id}/share`, json: { email, permission } });
  }

  permissions(file_id: string, signal?: AbortSignal): Promise<Page<Permission>> {
    return this.#http.json({ path: `/files/${file_id}/permissions`, signal });
  }

  revoke(file_id: string, permission_id: string): Promise<void> {
    return this.#http.done({ method: "DELETE", path: `/files/${file_id}/permissions/${permission_id}` });
  }

  with_me(cursor: string | null, signal?: AbortSignal): Promise<Page<SharedWithMe>> {
    return this.#http.json({ path: "/shared-with-me", query: { cursor }, signal });
  }

  /** Codes: `not_found`, `link_expired`, `link_revoked`, `password_required`. */
  link_info(token: string): Promise<LinkInfo> {
    return this.#http.json({ path: `/shares/${encodeURIComponent(token)}`, anonymous: true });
  }
}
