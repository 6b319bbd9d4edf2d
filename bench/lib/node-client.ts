/** Our client as a program for Node runs it: native hash and zstd, files by their handles. */
import { hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { constants, zstdCompressSync } from "node:zlib";
import {
  type ByteSource,
  type ContentStates,
  fetchTransport,
  Gate,
  Http,
  MemoryStorage,
  type Runtime,
  type UploadTools,
  webRuntime,
} from "../../client/index.ts";
import type { SignedIn } from "../../core/protocol/auth.ts";
import { CODEC } from "../../core/delta/index.ts";

const nodeRuntime: Runtime = {
  ...webRuntime,
  packer: {
    codec: CODEC.zstd,
    pack: (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
  },
  digest: (bytes) => hash("sha256", bytes, "buffer"),
};

export async function handleSource(handle: FileHandle): Promise<ByteSource> {
  const { size } = await handle.stat();
  return {
    size,
    async read(offset, length, into = new Uint8Array(length)) {
      const { bytesRead } = await handle.read(into, 0, length, offset);
      return into.subarray(0, bytesRead);
    },
  };
}

/** Bodies of requests, counted. */
export interface Traffic {
  bytes: number;
  requests: number;
}

export function nodeTools(origin: string, signedIn: SignedIn, states: ContentStates, traffic: Traffic): UploadTools {
  const token = signedIn.access_token;
  const http = new Http({
    origin,
    tokens: { access_token: () => token, fresh_token: async () => token, renew: async () => null },
    transport: (request) => {
      const { body } = request;
      traffic.requests++;
      traffic.bytes += body === undefined ? 0 : body instanceof Blob ? body.size : body.length;
      return fetchTransport(request);
    },
  });
  const { device_id } = signedIn;
  return {
    http,
    storage: new MemoryStorage(),
    gate: new Gate(5),
    device_id: () => device_id,
    states,
    runtime: nodeRuntime,
  };
}
