/** Batches of a device: docs/spec/uploads.md, U21 to U23. */
import { encodeFrames, FRAMES_MEDIA_TYPE, type Frame } from "../../../core/frames/index.ts";
import type { DeltaAnswer, PutChange } from "../../../core/protocol/sync.ts";
import { type Answer, type Ask, expectRefused, text, type User } from "./api.ts";
import { rawFrame } from "./frames.ts";

export type Change = { op: string; op_id: string } & Record<string, unknown>;

/** A file of one block, and its frame. */
export interface Small {
  change: Change;
  frame: Frame;
  bytes: Uint8Array<ArrayBuffer>;
}

export async function small(name: string, content: string, more: Partial<PutChange> = {}): Promise<Small> {
  const bytes = text(content);
  const change = { op: "put", op_id: `put ${name}`, parent_id: "root", name, size: bytes.length, frames: 1, ...more };
  return { change, frame: await rawFrame(bytes), bytes };
}

export const headOf = (user: User, changes: unknown[]): Uint8Array =>
  text(JSON.stringify({ device_id: user.signedIn.device_id, changes }));

/** @param said the length of the head that the body claims */
export function bodyOf(head: Uint8Array, frames: Uint8Array, said = head.length): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(4 + head.length + frames.length);
  new DataView(body.buffer).setUint32(0, said);
  body.set(head, 4);
  body.set(frames, 4 + head.length);
  return body;
}

export const asBatch = (body: BodyInit, headers: Record<string, string> = {}): Ask => ({
  body,
  headers: { "content-type": FRAMES_MEDIA_TYPE, ...headers },
});

export const batchOf = (user: User, changes: unknown[], frames: readonly Frame[]): Ask =>
  asBatch(bodyOf(headOf(user, changes), encodeFrames([...frames])));

export async function sendBatch(
  user: User,
  changes: unknown[],
  frames: readonly Frame[],
): Promise<DeltaAnswer["results"]> {
  return (await user.ok<DeltaAnswer>("POST", "sync/delta", batchOf(user, changes, frames))).results;
}

export const sendSmall = (user: User, files: readonly Small[]): Promise<DeltaAnswer["results"]> =>
  sendBatch(
    user,
    files.map(({ change }) => change),
    files.map(({ frame }) => frame),
  );

export const statuses = (results: DeltaAnswer["results"]): string[] =>
  results.map(({ status, code }) => code ?? status);

export const download = async (user: User, file_id: string): Promise<Uint8Array<ArrayBuffer>> =>
  (await user.ask("GET", `files/${file_id}/download`)).bytes;

export const refused = (user: User, status: number, code: Parameters<typeof expectRefused>[2], ask: Ask) =>
  expectRefused(user, status, code, "POST", "sync/delta", ask) as Promise<Answer>;
