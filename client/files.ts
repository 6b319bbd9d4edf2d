import type { Page } from "../core/protocol/common.ts";
import type { ContentsQuery, EmptyTrashAnswer, File, Version } from "../core/protocol/files.ts";
import type { Http } from "./http.ts";

export type { File, Page, Version };
export type ContentsOrder = Pick<ContentsQuery, "sort" | "order">;
export type ThumbnailSize = "s" | "m" | "l";

interface PageRequest {
  cursor?: string | null;
  limit?: number;
  signal?: AbortSignal;
}

interface DownloadRequest {
  /** As in RFC 9110, section 14.2, such as `bytes=0-65535`. */
  range?: string;
  /** The range is wanted of this version only: of another one, the whole comes (status 200). */
  if_version_id?: string;
  /** The current version, when it is left out. */
  version_id?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** Files and folders by id; `root` stands for the caller's root folder. */
export class Files {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  get(file_id: string, signal?: AbortSignal): Promise<File> {
    return this.#http.json({ path: `/files/${file_id}`, signal });
  }

  contents(folder_id: string, order: ContentsOrder, { signal, ...page }: PageRequest = {}): Promise<Page<File>> {
    return this.#http.json({ path: `/folders/${folder_id}/contents`, query: { ...order, ...page }, signal });
  }

  /** Codes: `name_taken` (with the other's `file_id`), `name_invalid`, `parent_not_found`. */
  create_folder(parent_id: string, name: string): Promise<File> {
    return this.#http.json({ method: "POST", path: "/folders", json: { parent_id, name } });
  }

  /** Rename, move or both, in one commit. */
  update(file_id: string, change: { name?: string; parent_id?: string }): Promise<File> {
    return this.#http.json({ method: "PATCH", path: `/files/${file_id}`, json: change });
  }

  trash(file_id: string): Promise<void> {
    return this.#http.done({ method: "DELETE", path: `/files/${file_id}` });
  }

  untrash(file_id: string): Promise<File> {
    return this.#http.json({ method: "POST", path: `/files/${file_id}/untrash` });
  }

  trashed({ signal, ...page }: PageRequest = {}): Promise<Page<File>> {
    return this.#http.json({ path: "/trash", query: page, signal });
  }

  /** For ever. */
  purge(file_id: string): Promise<void> {
    return this.#http.done({ method: "DELETE", path: `/trash/${file_id}` });
  }

  /** What is put to trash while this runs stays there. */
  async empty_trash(): Promise<void> {
    let until: string | undefined;
    for (;;) {
      const answer = await this.#http.request({ method: "DELETE", path: "/trash", query: { until } });
      if (answer.status !== 202) return;
      until = ((await answer.json()) as EmptyTrashAnswer).until;
    }
  }

  /** The newest first. */
  versions(file_id: string, { signal, ...page }: PageRequest = {}): Promise<Page<Version>> {
    return this.#http.json({ path: `/files/${file_id}/versions`, query: page, signal });
  }

  /** The old version becomes a new one. */
  restore(file_id: string, version_id: string): Promise<File> {
    return this.#http.json({ method: "POST", path: `/files/${file_id}/restore`, query: { version: version_id } });
  }

  /** A copy within the drive: rows only, the bytes are shared. */
  copy(file_id: string, to: { parent_id?: string; name?: string }): Promise<File> {
    return this.#http.json({ method: "POST", path: `/files/${file_id}/copy`, json: to });
  }

  /** The bytes as an answer whose body streams. */
  download(file_id: string, { range, if_version_id, version_id, signal }: DownloadRequest = {}): Promise<Response> {
    const headers = { ...(range && { range }), ...(if_version_id && { "if-range": `"${if_version_id}"` }) };
    return this.#http.request({ path: `/files/${file_id}/download`, query: { version_id }, headers, signal });
  }

  /** Addresses that a browser opens by itself; the cookie that the API set at sign-in stands for the token. */
  download_url(file: Pick<File, "file_id" | "is_folder">): string {
    return file.is_folder
      ? this.#http.url(`/folders/${file.file_id}/archive`)
      : this.#http.url(`/files/${file.file_id}/download`);
  }

  /** `version_id` keeps the browser's cache true when the content changes. */
  thumbnail_url(file: Pick<File, "file_id" | "version_id">, size: ThumbnailSize): string {
    return this.#http.url(`/files/${file.file_id}/thumbnail`, { size, v: file.version_id });
  }
}
