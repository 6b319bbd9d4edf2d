/** Tables of requests that must be refused, each by itself and changing nothing. */
import { it } from "vitest";
import type { ErrorCode } from "../../../core/protocol/errors.ts";
import type { File } from "../../../core/protocol/files.ts";
import { type Api, type Ask, expectRefused, newUser, type User } from "./api.ts";

export type Request = [method: string, path: string, ask?: Ask];
export type Case = [name: string, status: number, code: ErrorCode, request: () => Request];

export const MiB = 1024 * 1024;
export const ZERO_HASH = "0".repeat(64);
export const JSON_TYPE = { "content-type": "application/json" };

/** Two people; one has a file and a folder in a folder. */
export interface World {
  user: User;
  other: User;
  file: File;
  folder: File;
  child: File;
}

export async function makeWorld(): Promise<World> {
  const user = await newUser();
  const other = await newUser();
  const file = await user.file("Report.txt", "twelve bytes");
  const folder = await user.folder("Folder");
  const child = await user.folder("Child", folder.file_id);
  return { user, other, file, folder, child };
}

export function refuses(who: () => Api, cases: Case[]): void {
  it.each(cases)("%s: %i %s", async (_name, status, code, request) => {
    await expectRefused(who(), status, code, ...request());
  });
}

/** A body that does not say how long it is. */
export const endless = (length: number): ReadableStream<Uint8Array> => {
  let left = length;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      const size = Math.min(left, 65_536);
      if (size === 0) {
        controller.close();
        controller.byobRequest?.respond(0);
        return;
      }
      left -= size;
      controller.enqueue(new Uint8Array(size).fill(0x20));
    },
  });
};
