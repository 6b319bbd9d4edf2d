import type { Hit, SearchAnswer, SearchQuery } from "../core/protocol/search.ts";
import type { Http } from "./http.ts";

export type { Hit, SearchAnswer };
export type SearchRequest = Pick<SearchQuery, "q"> & Partial<SearchQuery>;

export class Search {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  find(query: SearchRequest, signal?: AbortSignal): Promise<SearchAnswer> {
    return this.#http.json({ path: "/search", query: { ...query }, signal });
  }

  suggest(q: string, signal?: AbortSignal): Promise<{ items: { file_id: string; name: string }[] }> {
    return this.#http.json({ path: "/search/suggest", query: { q }, signal });
  }
}
