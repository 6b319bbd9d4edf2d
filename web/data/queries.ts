import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import type { ContentsOrder, File } from "../../client/index.ts";
import { files, search, session, sharing } from "../lib/drive.ts";

/** A cursor, or null for the first page. */
const paged = {
  initialPageParam: null as string | null,
  getNextPageParam: (page: { next_cursor: string | null }) => page.next_cursor,
};

export const meQuery = queryOptions({ queryKey: ["me"], queryFn: ({ signal }) => session.me(signal) });

export const fileQuery = (file_id: string) =>
  queryOptions({ queryKey: ["file", file_id], queryFn: ({ signal }) => files.get(file_id, signal) });

export const contentsKey = "contents";
export const contentsQuery = (folder_id: string, order: ContentsOrder) =>
  infiniteQueryOptions({
    queryKey: [contentsKey, folder_id, order],
    queryFn: ({ pageParam, signal }) => files.contents(folder_id, order, { cursor: pageParam, signal }),
    ...paged,
  });

export const trashQuery = infiniteQueryOptions({
  queryKey: ["trash"],
  queryFn: ({ pageParam, signal }) => files.trashed({ cursor: pageParam, signal }),
  ...paged,
});

export const sharedQuery = infiniteQueryOptions({
  queryKey: ["shared"],
  queryFn: ({ pageParam, signal }) => sharing.with_me(pageParam, signal),
  ...paged,
});

export const searchQuery = (q: string) =>
  infiniteQueryOptions({
    queryKey: ["search", q],
    queryFn: ({ pageParam, signal }) => search.find({ q, ...(pageParam && { cursor: pageParam }) }, signal),
    enabled: q !== "",
    ...paged,
  });

export const permissionsQuery = (file_id: string) =>
  queryOptions({ queryKey: ["permissions", file_id], queryFn: ({ signal }) => sharing.permissions(file_id, signal) });

/** The start of a text, enough to read what it is. Bytes. */
const TEXT_PREVIEW_MAX = 256 * 1024;

export const textQuery = (file: File) =>
  queryOptions({
    queryKey: ["text", file.version_id],
    queryFn: async ({ signal }) => {
      if (file.size === 0) return { text: "", cut: false };
      const answer = await files.download(file.file_id, { range: `bytes=0-${TEXT_PREVIEW_MAX - 1}`, signal });
      return { text: await answer.text(), cut: file.size > TEXT_PREVIEW_MAX };
    },
    gcTime: 60_000,
  });

/** From the drive's root down to a folder. A folder shared from elsewhere begins where our rights begin. */
export const pathQuery = (folder_id: string) =>
  queryOptions({
    queryKey: ["path", folder_id],
    queryFn: async ({ client }) => {
      const path: File[] = [];
      for (let id: string | null = folder_id; id !== null;) {
        const folder: File | null = await client
          .fetchQuery(fileQuery(id))
          .catch((error: unknown) => (path.length === 0 ? Promise.reject(error as Error) : null));
        if (!folder) break;
        path.unshift(folder);
        id = folder.parent_id;
      }
      return path;
    },
  });
