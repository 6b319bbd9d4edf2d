/** Frames, segments and questions that are malformed, lie, or reach for what is others': a 4xx, and nothing is stored. */
import { deflateRawSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { ByteWriter } from "../../../core/delta/bytes.ts";
import { CODEC } from "../../../core/delta/index.ts";
import { encodeFrames, FRAME_KIND, FRAMES_MEDIA_TYPE, type Frame } from "../../../core/frames/index.ts";
import type { ErrorCode } from "../../../core/protocol/errors.ts";
import type { File } from "../../../core/protocol/files.ts";
import { packerOf } from "../../support/delta-codecs.ts";
import { join } from "../../support/delta-edits.ts";
import { everything, expectProblem, expectRefused, newUser, sha256, type User } from "../../support/workerd/api.ts";
import { type Block, blocksOf, deltaFrame, noise, putFrames, rawFrame } from "../../support/workerd/frames.ts";
import { endless, makeWorld, MiB, refuses, type Request, ZERO_HASH } from "../../support/workerd/refusals.ts";

const SIZE = 3 * MiB;
const BITS = 14;
const before = noise(SIZE, 11);
const bytes = noise(SIZE, 12);
let user: User;
let other: User;
let base: File;
let blocks: Block[];
let upload_id: string;
let frames: Frame[];

beforeAll(async () => {
  ({ user, other } = await makeWorld());
  base = await user.file("base.bin", before);
  const session = await user.start("new.bin", SIZE, { base_file_id: base.file_id, base_version_id: base.version_id });
  expect(session.block_bits).toBe(BITS);
  upload_id = session.upload_id;
  blocks = await blocksOf(bytes, BITS);
  frames = await Promise.all(blocks.slice(0, 4).map((block) => rawFrame(block.bytes)));
});

const HEADERS = { "content-type": FRAMES_MEDIA_TYPE };

const put = async (body: Uint8Array, chunk_id?: string): Promise<Request> => {
  const sent = Uint8Array.from(body);
  const path = `chunks/${chunk_id ?? (await sha256(sent))}?upload_id=${upload_id}&index=0`;
  return ["PUT", path, { body: sent, headers: HEADERS }];
};

const refusesBodies = (cases: [name: string, status: number, code: ErrorCode, body: () => Promise<Uint8Array>][]) =>
  it.each(cases)("%s: %i %s", async (_name, status, code, body) => {
    await expectRefused(user, status, code, ...(await put(await body())));
  });

const flipped = (body: Uint8Array, at: number): Uint8Array => {
  const copy = body.slice();
  copy[at]! ^= 1;
  return copy;
};

const hashBytes = async (raw: Uint8Array<ArrayBuffer>): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", raw));

/** A delta frame by hand; it need not be one that anybody would make. */
async function delta(
  fields: { base_offset?: number; base_length?: number; lengths?: number[]; codec?: number; literals?: number },
  body: Uint8Array,
  raw_length: number,
): Promise<Frame> {
  const {
    base_offset = 0,
    base_length = 0,
    lengths = [raw_length],
    codec = CODEC.none,
    literals = raw_length,
  } = fields;
  const out = new ByteWriter();
  out.byte(1);
  out.byte(codec);
  for (const number of [base_offset, base_length, lengths.length, ...lengths, 1, 2, literals]) out.varint(number);
  out.bytes(body);
  return { kind: FRAME_KIND.delta, hash: new Uint8Array(32), raw_length, payload: out.view().slice() };
}

describe("U17: bodies of frames", () => {
  const body = async (): Promise<Uint8Array> => encodeFrames(frames);
  const one = async (frame: Partial<Frame>): Promise<Uint8Array> => encodeFrames([{ ...frames[0]!, ...frame }]);

  refusesBodies([
    ["an empty body", 400, "invalid_request", async () => new Uint8Array()],
    ["no frame at all", 422, "chunk_size_mismatch", async () => encodeFrames([])],
    ["bytes of a file", 400, "invalid_request", async () => bytes.subarray(0, 5000)],
    ["another magic", 400, "invalid_request", async () => flipped(await body(), 3)],
    ["an index that is not the next", 400, "invalid_request", async () => flipped(await body(), 4)],
    ["a kind that is unknown", 400, "invalid_request", async () => one({ kind: 9 as 1 })],
    ["cut in a header", 400, "invalid_request", async () => (await body()).subarray(0, 20)],
    ["cut in a payload", 400, "invalid_request", async () => (await body()).subarray(0, 30_000)],
    ["without its end", 400, "invalid_request", async () => (await body()).subarray(0, -2)],
    ["bytes behind the end", 400, "invalid_request", async () => join([await body(), Uint8Array.of(0)])],
    ["a frame twice", 400, "invalid_request", async () => encodeFrames([frames[0]!, frames[0]!])],
    ["a flipped byte of a hash", 422, "hash_mismatch", async () => flipped(await body(), 6)],
    ["a flipped byte of a payload", 422, "hash_mismatch", async () => flipped(await body(), 500)],
    [
      "a last frame that is wrong, behind good ones",
      422,
      "hash_mismatch",
      async () => flipped(await body(), -3 + (await body()).length),
    ],
    [
      "payloads exchanged",
      422,
      "hash_mismatch",
      async () => encodeFrames([{ ...frames[0]!, payload: frames[1]!.payload, raw_length: frames[1]!.raw_length }]),
    ],
    ["a length that its payload has not", 400, "invalid_request", async () => one({ raw_length: 10 })],
    [
      "a block longer than its class",
      400,
      "invalid_request",
      async () => encodeFrames([await rawFrame(noise((8 << BITS) + 1, 1))]),
    ],
    ["more than any block", 413, "payload_too_large", async () => one({ raw_length: 9 * MiB })],
    [
      "crumbs instead of blocks",
      400,
      "invalid_request",
      async () => encodeFrames(await Promise.all(Array.from({ length: 50 }, (_, i) => rawFrame(Uint8Array.of(i))))),
    ],
    ["zstd that is none", 400, "invalid_request", async () => one({ kind: FRAME_KIND.zstd, payload: noise(500, 5) })],
    [
      "a zstd bomb",
      400,
      "invalid_request",
      async () =>
        one({
          kind: FRAME_KIND.zstd,
          raw_length: 100_000,
          payload: await packerOf(CODEC.zstd).pack(new Uint8Array(64 * MiB)),
        }),
    ],
    [
      "zstd of less than it says",
      400,
      "invalid_request",
      async () =>
        one({
          kind: FRAME_KIND.zstd,
          raw_length: 5000,
          payload: await packerOf(CODEC.zstd).pack(new Uint8Array(4000)),
        }),
    ],
  ]);

  it("more bytes than a chunk can stand for: 413, however they are packed", async () => {
    const packer = packerOf(CODEC.zstd);
    const zeros = await Promise.all(
      Array.from({ length: 66 }, async (_, i) => {
        const raw = new Uint8Array(8 << BITS).fill(i);
        return {
          kind: FRAME_KIND.zstd,
          hash: await hashBytes(raw),
          raw_length: raw.length,
          payload: await packer.pack(raw),
        };
      }),
    );
    expect(encodeFrames(zeros).length).toBeLessThan(10_000);
    await expectRefused(user, 413, "payload_too_large", ...(await put(encodeFrames(zeros))));
  });

  it("a body longer than any of its kind is refused by what it says, and by what comes", async () => {
    const path = `chunks/${ZERO_HASH}?upload_id=${upload_id}&index=0`;
    const long = new Uint8Array(9 * MiB + 1);
    await expectRefused(user, 413, "chunk_too_large", "PUT", path, { body: long, headers: HEADERS });
    await expectRefused(user, 400, "invalid_request", "PUT", path, { body: endless(10 * MiB), headers: HEADERS });
  });

  it("U3: a body whose hash is not the chunk's id", async () => {
    for (const id of [ZERO_HASH, blocks[0]!.hash])
      await expectRefused(user, 422, "hash_mismatch", ...(await put(encodeFrames(frames), id)));
  });

  it("U24: a body that breaks off leaves nothing", async () => {
    const whole = encodeFrames(frames);
    let sent = 0;
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent > whole.length / 2) controller.error(new Error("the sender has gone"));
        else controller.enqueue(whole.slice(sent, (sent += 10_000)));
      },
    });
    const was = await everything();
    const path = `chunks/${await sha256(Uint8Array.from(whole))}?upload_id=${upload_id}&index=0`;
    const stream = source.pipeThrough(new IdentityTransformStream());
    expect((await user.ask("PUT", path, { body: stream, headers: HEADERS })).status).toBeGreaterThanOrEqual(400);
    expect(await everything()).toEqual(was);
  });
});

describe("U16, D3: deltas", () => {
  const insert = (length: number): Uint8Array => Uint8Array.from([length & 127, 0, ...noise(length, 3)]);

  refusesBodies([
    [
      "a base range behind the base's end",
      400,
      "invalid_request",
      async () => encodeFrames([await delta({ base_offset: SIZE, base_length: 1 }, insert(100), 100)]),
    ],
    [
      "a base range beyond numbers",
      400,
      "invalid_request",
      async () => encodeFrames([await delta({ base_length: Number.MAX_SAFE_INTEGER }, insert(100), 100)]),
    ],
    [
      "a copy outside its range",
      400,
      "invalid_request",
      async () => encodeFrames([await delta({ base_length: 10, literals: 0 }, Uint8Array.of(0, 100, 0), 100)]),
    ],
    [
      "blocks that are not its length",
      400,
      "invalid_request",
      async () => encodeFrames([await delta({ lengths: [50] }, insert(100), 100)]),
    ],
    ["literals that are missing", 400, "invalid_request", async () => encodeFrames([await delta({}, insert(50), 100)])],
    [
      "a deflate bomb",
      400,
      "invalid_request",
      async () =>
        encodeFrames([await delta({ codec: CODEC.deflate }, deflateRawSync(new Uint8Array(60 * MiB)), 100_000)]),
    ],
    [
      "a zstd bomb",
      400,
      "invalid_request",
      async () =>
        encodeFrames([
          await delta({ codec: CODEC.zstd }, await packerOf(CODEC.zstd).pack(new Uint8Array(64 * MiB)), 100_000),
        ]),
    ],
    [
      "another result than it says",
      409,
      "base_mismatch",
      async () => encodeFrames([{ ...(await deltaFrame([before.slice(0, 20_000)], before)), hash: frames[0]!.hash }]),
    ],
    [
      "made for another base",
      409,
      "base_mismatch",
      async () => encodeFrames([await deltaFrame([bytes.slice(0, 20_000)], bytes)]),
    ],
  ]);

  it("a delta in a session without a base is base_mismatch", async () => {
    const kept = upload_id;
    upload_id = (await user.start("no base.bin", SIZE)).upload_id;
    const body = encodeFrames([await deltaFrame([before.slice(0, 20_000)], before)]);
    await expectRefused(user, 409, "base_mismatch", ...(await put(body)));
    upload_id = kept;
  });
});

describe("U16: forged bases", () => {
  it("unknown, others', of another file, and in the trash all look the same", async () => {
    const theirs = await other.file("private.bin", before);
    const third = await newUser();
    const foreign = await third.file("private.bin", before);
    const mine = await user.file("second.bin", noise(10_000, 4));
    const gone = await user.file("gone.bin", noise(10_000, 5));
    await user.ok("DELETE", `files/${gone.file_id}`);
    const refs = [theirs, foreign, gone, { file_id: base.file_id, version_id: mine.version_id }];
    refs.push({ file_id: user.id, version_id: base.version_id } as File);
    refs.push({ file_id: base.file_id, version_id: upload_id } as File);
    const details = new Set<unknown>();
    for (const { file_id, version_id } of refs) {
      const json = { parent_id: "root", name: "x", size: 10, base_file_id: file_id, base_version_id: version_id };
      const answer = await expectRefused(user, 409, "base_mismatch", "POST", "files/upload", { json });
      const { request_id: _, ...rest } = answer.json;
      details.add(JSON.stringify(rest));
    }
    expect(details.size).toBe(1);
  });

  refuses(
    () => user,
    [
      [
        "a base without its file",
        400,
        "invalid_request",
        () => [
          "POST",
          "files/upload",
          { json: { parent_id: "root", name: "x", size: 1, base_version_id: base.version_id } },
        ],
      ],
      [
        "a file without its version",
        400,
        "invalid_request",
        () => ["POST", "files/upload", { json: { parent_id: "root", name: "x", size: 1, base_file_id: base.file_id } }],
      ],
      [
        "If-Match of another version",
        412,
        "precondition_failed",
        () => [
          "POST",
          "files/upload",
          {
            json: { parent_id: "root", name: "x", size: 1, file_id: base.file_id },
            headers: { "if-match": `"${upload_id}"` },
          },
        ],
      ],
      [
        "If-Match for a new file",
        412,
        "precondition_failed",
        () => [
          "POST",
          "files/upload",
          { json: { parent_id: "root", name: "x", size: 1 }, headers: { "if-match": `"${base.version_id}"` } },
        ],
      ],
    ],
  );
});

describe("U18, U19: segments", () => {
  let chunk_id: string;
  let sent: number;
  let cut: number;

  beforeAll(async () => {
    const put = await putFrames(user, upload_id, 0, frames);
    expect(put.status).toBe(200);
    ({ chunk_id } = put);
    sent = frames.reduce((sum, frame) => sum + frame.raw_length, 0);
    cut = (await blocksOf(before, BITS))[0]!.length;
  });

  const complete = (segments: unknown): Request => ["POST", `uploads/${upload_id}/complete`, { json: { segments } }];
  const fill = (length: number) => ({ offset: SIZE - length, length });

  refuses(
    () => user,
    [
      ["none", 422, "size_mismatch", () => complete([])],
      [
        "neither chunks nor segments",
        400,
        "invalid_request",
        () => ["POST", `uploads/${upload_id}/complete`, { json: {} }],
      ],
      [
        "both",
        400,
        "invalid_request",
        () => ["POST", `uploads/${upload_id}/complete`, { json: { segments: [], chunks: [] } }],
      ],
      ["a sum that is too small", 422, "size_mismatch", () => complete([{ chunk_id }])],
      ["a sum that is too large", 422, "size_mismatch", () => complete([{ chunk_id }, { offset: 0, length: SIZE }])],
      [
        "within a block of the base",
        409,
        "base_mismatch",
        () => complete([{ chunk_id }, { offset: sent + 1, length: SIZE - sent - 1 }, { offset: 0, length: 1 }]),
      ],
      ["beyond the base", 409, "base_mismatch", () => complete([{ offset: cut, length: SIZE }])],
      [
        "within a block of a chunk",
        400,
        "invalid_request",
        () => complete([{ chunk_id, offset: 0, length: 5 }, fill(SIZE - 5)]),
      ],
      ["beyond a chunk", 400, "invalid_request", () => complete([{ chunk_id, offset: 0, length: SIZE }])],
      ["an offset without a length", 400, "invalid_request", () => complete([{ chunk_id, offset: 0 }])],
      ["a length of nothing", 400, "invalid_request", () => complete([{ offset: 0, length: 0 }])],
      ["a negative offset", 400, "invalid_request", () => complete([{ offset: -1, length: SIZE }])],
      [
        "a chunk and a version in one",
        400,
        "invalid_request",
        () => complete([{ chunk_id, version_id: base.version_id, offset: 0, length: SIZE }]),
      ],
      ["a chunk that did not arrive", 409, "missing_chunks", () => complete([{ chunk_id: ZERO_HASH }])],
      ["a block's hash for a chunk", 409, "missing_chunks", () => complete([{ chunk_id: blocks[0]!.hash }])],
      [
        "an unknown version",
        409,
        "base_mismatch",
        () => complete([{ version_id: upload_id, offset: 0, length: SIZE }]),
      ],
      [
        "more than 10,000",
        413,
        "too_many_chunks",
        () => complete(Array.from({ length: 10_001 }, () => ({ offset: 0, length: 1 }))),
      ],
    ],
  );

  it("another's version is base_mismatch, whether it is there or not", async () => {
    const theirs = await other.file("theirs.bin", before);
    const segment = { file_id: theirs.file_id, version_id: theirs.version_id, offset: 0, length: SIZE };
    const one = await expectRefused(user, 409, "base_mismatch", ...complete([segment]));
    const two = await expectRefused(user, 409, "base_mismatch", ...complete([{ ...segment, version_id: upload_id }]));
    expect(one.json.detail).toBe(two.json.detail);
  });

  it("U19: a right that was revoked, and a version that was purged, since the start", async () => {
    const owner = await newUser();
    const folder = await owner.folder("Shared");
    const secret = await owner.file("secret.bin", before);
    const share = (file: File, permission: string) =>
      owner.ok<{ permission_id: string }>("POST", `files/${file.file_id}/share`, {
        json: { user_id: user.id, permission },
      });
    await share(folder, "edit");
    const { permission_id } = await share(secret, "view");
    const refs = { base_file_id: secret.file_id, base_version_id: secret.version_id };
    const start = () => user.start("theirs.bin", SIZE, { parent_id: folder.file_id, ...refs });
    const [revoked, purged] = [await start(), await start()];
    const whole: Request[2] = { json: { segments: [{ offset: 0, length: SIZE }] } };
    const body = [await deltaFrame([before.slice(0, 20_000)], before)];

    await owner.ok("DELETE", `files/${secret.file_id}/permissions/${permission_id}`);
    await expectRefused(user, 409, "base_mismatch", "POST", `uploads/${revoked.upload_id}/complete`, whole);
    expectProblem(await putFrames(user, revoked.upload_id, 0, body), 409, "base_mismatch");
    await share(secret, "view");
    await owner.ok("PUT", `files/${secret.file_id}`, { body: "newer" });
    await owner.ok("DELETE", `files/${secret.file_id}/versions/${secret.version_id}`);
    await expectRefused(user, 409, "base_mismatch", "POST", `uploads/${purged.upload_id}/complete`, whole);
    expectProblem(await putFrames(user, purged.upload_id, 0, body), 409, "base_mismatch");
  });
});

describe("U20: negotiation", () => {
  const ask = (json: unknown, id = upload_id): Request => ["POST", `uploads/${id}/negotiate`, { json }];
  const asked = () => blocks.slice(0, 3).map(({ hash, length }) => ({ hash, length }));

  refuses(
    () => user,
    [
      ["no blocks", 400, "invalid_request", () => ask({ blocks: [] })],
      ["no list", 400, "invalid_request", () => ask({})],
      ["a hash that is none", 400, "invalid_request", () => ask({ blocks: [{ hash: "x", length: 1 }] })],
      ["a block of nothing", 400, "invalid_request", () => ask({ blocks: [{ hash: ZERO_HASH, length: 0 }] })],
      [
        "a block longer than any",
        400,
        "invalid_request",
        () => ask({ blocks: [{ hash: ZERO_HASH, length: 9 * MiB }] }),
      ],
      [
        "more than 10,000 blocks",
        400,
        "invalid_request",
        () => ask({ blocks: Array.from({ length: 10_001 }, () => ({ hash: ZERO_HASH, length: 1 })) }),
      ],
      [
        "more than 16 bases",
        400,
        "invalid_request",
        () =>
          ask({
            blocks: asked(),
            bases: Array.from({ length: 17 }, () => ({ file_id: base.file_id, version_id: base.version_id })),
          }),
      ],
    ],
  );

  it("U8: another's session does not exist", async () => {
    await expectRefused(other, 404, "unknown_upload", ...ask({ blocks: asked() }));
  });

  it("U11, U20: a hash alone gives nothing: what only others have is missing, and is refused as a segment", async () => {
    const theirs = await other.file("only theirs.bin", noise(SIZE, 77));
    const found = await blocksOf(noise(SIZE, 77), BITS);
    const { json } = await user.ask(
      ...ask({
        blocks: found.map(({ hash, length }) => ({ hash, length })),
        bases: [{ file_id: theirs.file_id, version_id: theirs.version_id }],
      }),
    );
    expect(json).toEqual({ segments: [], missing: [{ first: 0, count: found.length }] });
  });
});
