import { describe, expect, it } from "vitest";
import type { Down, Up } from "./plan/index.ts";
import type { RemoteFile, SyncProgress } from "./ports.ts";
import { Transfers } from "./transfers.ts";

const put = (size: number): Up => ({
  kind: "put",
  node: "n",
  file_id: null,
  parent_id: "p",
  name: "f",
  base: {},
  hash: "",
  size,
});
const fetch = (size: number): Down => ({ kind: "fetch", file_id: "f", node: null, remote: { size } as RemoteFile });

describe("transfers", () => {
  it("count what is to be done, what is under way, and what is over; bytes that are sent again once", () => {
    const told: SyncProgress[] = [];
    const report = { progress: (p: SyncProgress) => void told.push(p), event: () => {}, problems: () => {} };
    const transfers = new Transfers(report);
    const [up, trash, down] = [put(100), { kind: "trash", file_id: "x", base: {}, is_folder: false } as Up, fetch(50)];
    transfers.begin({ up: [up, trash], down: [down] });
    transfers.moved("up", up, 60);
    transfers.moved("up", up, 20);
    transfers.moved("down", down, 50);
    transfers.over("up", trash);
    expect(told.at(-1)).toEqual({
      up: { done: 1, total: 2, bytes: 20, total_bytes: 100 },
      down: { done: 0, total: 1, bytes: 50, total_bytes: 50 },
    });
    transfers.over("up", up);
    transfers.over("down", down);
    expect(told.at(-1)).toEqual({
      up: { done: 2, total: 2, bytes: 100, total_bytes: 100 },
      down: { done: 1, total: 1, bytes: 50, total_bytes: 50 },
    });
    transfers.begin({ up: [], down: [] });
    expect(told.at(-1)!.up.total).toBe(0);
  });
});
