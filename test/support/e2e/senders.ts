import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { expect } from "vitest";
import type { File } from "../../../core/protocol/files.ts";
import { inRoot } from "../../../scripts/lib/project.ts";
import type { Archive } from "./archive.ts";
import type { Device } from "./device.ts";

export interface Sender {
  process: ChildProcess;
  exited: Promise<number | null>;
  /** Indices of the chunks that the server has answered for. */
  received(): number[];
}

/** Sends what a session still misses, from a process of its own: see send-archive.ts. */
export function sendArchive(device: Device, upload_id: string, entry: number, seed: string): Sender {
  const script = inRoot("test/support/e2e/send-archive.ts");
  const args = [device.url, device.signedIn.access_token, upload_id, String(entry), seed];
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  const exited = once(child, "close").then(([code]) => code as number | null);
  return { process: child, exited, received: () => text.split("\n").filter(Boolean).map(Number) };
}

/** One request whose body is made on the way. */
export async function streamUp(device: Device, name: string, archive: Archive): Promise<File> {
  const headers = {
    authorization: `Bearer ${device.signedIn.access_token}`,
    "content-type": "application/x-tar",
    "content-length": archive.size,
  };
  const sent = request(`${device.url}/api/v1/files/upload?name=${name}`, { method: "POST", headers });
  const answered = once(sent, "response") as Promise<[IncomingMessage]>;
  await pipeline(Readable.from(archive.pieces()), sent);
  const [answer] = await answered;
  let body = "";
  for await (const piece of answer.setEncoding("utf8")) body += piece as string;
  expect(answer.statusCode, body).toBe(201);
  return JSON.parse(body) as File;
}
