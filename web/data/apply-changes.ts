import type { InfiniteData } from "@tanstack/react-query";
import { compareFiles, type ContentsOrder } from "../../client/index.ts";
import { patchList, type FileState, type ListPage } from "../lib/patch-list.ts";
import { contentsKey } from "./queries.ts";
import { queryClient } from "./query-client.ts";

type Contents = InfiniteData<ListPage, string | null>;

/** Small lists, and lists whose order only the server knows: read again, but only where someone looks at them. */
const READ_AGAIN = ["trash", "shared", "search", "permissions", "me"];

let pending: ReturnType<typeof setTimeout> | undefined;

/** A thousand uploads end in a thousand changes: one reading behind them is enough. */
function readAgainSoon(): void {
  pending ??= setTimeout(() => {
    pending = undefined;
    for (const key of READ_AGAIN) void queryClient.invalidateQueries({ queryKey: [key] });
  }, 400);
}

/** Brings everything that is shown up to date, after our own change or another device's. */
export function applyChanges(changes: readonly FileState[]): void {
  for (const [key, data] of queryClient.getQueriesData<Contents>({ queryKey: [contentsKey] })) {
    if (!data) continue;
    const [, folder_id, order] = key as [string, string, ContentsOrder];
    const compare = compareFiles(order);
    const next = changes.reduce<Contents>(
      (list, change) => patchList(list, folder_id, compare, change) as Contents,
      data,
    );
    if (next !== data) queryClient.setQueryData(key, next);
  }
  for (const { file_id, file } of changes) {
    if (file) queryClient.setQueryData(["file", file_id], file);
    else queryClient.removeQueries({ queryKey: ["file", file_id] });
    if (!file || file.is_folder) void queryClient.invalidateQueries({ queryKey: ["path"] });
  }
  readAgainSoon();
}

export const readEverythingAgain = (): Promise<void> => queryClient.invalidateQueries();
