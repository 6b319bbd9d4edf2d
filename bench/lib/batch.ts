/** A body of `POST /sync/delta` that brings the bytes of its files along: docs/spec/uploads.md, U21. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { encodeFrames } from "../../core/frames/encode.ts";
import { FRAME_KIND, FRAMES_MEDIA_TYPE } from "../../core/frames/format.ts";
import { type Account, BASE } from "./product.ts";

/** New files of random bytes, all in one request. */
export async function sendBatch(product: Account, parent_id: string, count: number, size: number): Promise<void> {
  const bodies = Array.from({ length: count }, () => randomBytes(size));
  const changes = bodies.map(() => {
    const op_id = randomUUID();
    return { op: "put", op_id, parent_id, name: `${op_id}.bin`, size, frames: 1 };
  });
  const json = Buffer.from(JSON.stringify({ device_id: product.device_id, changes }));
  const head = Buffer.alloc(4);
  head.writeUInt32BE(json.length);
  const frames = encodeFrames(
    bodies.map((payload) => {
      const hash = createHash("sha256").update(payload).digest();
      return { kind: FRAME_KIND.raw, hash, raw_length: size, payload };
    }),
  );
  const { results } = await product.http.json<{ results: { status: string; code: string | null }[] }>(
    "POST",
    `${BASE}/sync/delta`,
    { body: Buffer.concat([head, json, frames]), headers: { "content-type": FRAMES_MEDIA_TYPE } },
  );
  const refused = results.find(({ status }) => status !== "applied");
  if (refused !== undefined) throw new Error(`a change of a batch was refused: ${refused.code}`);
}
