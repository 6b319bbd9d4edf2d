import { describe, expect, it } from "vitest";
import { encodeDelta, encodeZipDelta, memorySource, oldBytesMatcher } from "../../core/delta/index.ts";
import { Deflater } from "../../core/delta/zip/deflate.ts";
import { METHOD } from "../../core/delta/zip/format.ts";
import { decodeFrames, encodeFrames, FRAME_KIND, openFrame } from "../../core/frames/index.ts";
import { GOLDEN, goldenDigests } from "../support/deflate-golden.ts";
import { packers, unpack } from "../support/delta-codecs.ts";
import { join } from "../support/delta-edits.ts";
import { makeZip } from "../support/make-zip.ts";

const text = (edit: string): Uint8Array =>
  new TextEncoder().encode(
    Array.from({ length: 4000 }, (_, i) => `line ${i} ${i === 2000 ? edit : (i * 7919) % 1013}\n`).join(""),
  );

function archive(edit: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  const deflater = new Deflater({ method: METHOD.zlib, level: 6, mem_level: 8 }, (piece) => pieces.push(piece));
  deflater.write(text(edit));
  deflater.end();
  return makeZip([{ name: "text", bytes: text(edit), deflated: join(pieces) }]);
}

describe("deltas inside workerd", () => {
  it("D13: deflated bytes are the published ones in this runtime", async () => {
    expect(await goldenDigests()).toEqual(GOLDEN);
  });

  it("D9, D14, FR5: frames of both kinds of delta rebuild their bytes, with every codec", async () => {
    for (const packer of packers) {
      const [before, after] = [archive("old"), archive("new")];
      const zip = await encodeZipDelta(before, after, packer, unpack);
      const plain = await encodeDelta(
        [{ bytes: text("new"), hint: 0 }],
        oldBytesMatcher(memorySource(text("old"))),
        packer,
      );
      const stream = new Response(
        encodeFrames([
          { kind: FRAME_KIND.zip_delta, ...zip! },
          { kind: FRAME_KIND.delta, ...plain! },
        ]) as Uint8Array<ArrayBuffer>,
      ).body!;
      const opened: Uint8Array[] = [];
      for await (const frame of decodeFrames(stream as unknown as AsyncIterable<Uint8Array>)) {
        const base = memorySource(frame.kind === FRAME_KIND.delta ? text("old") : before);
        const result = await openFrame(frame, { unpack, base });
        const pieces: Uint8Array[] = result.form === "blocks" ? result.blocks : [];
        if (result.form === "run") for await (const piece of result.pieces) pieces.push(piece);
        opened.push(join(pieces));
      }
      expect(opened).toEqual([after, text("new")]);
    }
  });
});
