/** A tenant's bucket behind the S3 API, of any maker. docs/spec/tiers.md, TI15. */
import { hexToBytes } from "@noble/hashes/utils.js";
import { AwsClient } from "aws4fetch";
import { DriveError } from "../../core/protocol/errors.ts";
import type { StoredObject } from "../../core/storage/ports.ts";
import type { ArchiveSettings } from "../../core/tiers/archive-settings.ts";
import type { ArchiveBucket, ArchivedObject, Moving } from "../../core/tiers/ports.ts";

/** Milliseconds for one call: an object has 64 MiB at most. */
const PATIENCE = 120_000;
/** S3 takes 1,000 keys a call. */
const KEYS_MAX = 1_000;
/** What R2 keeps as custom metadata, as one JSON text: names with `_` do not travel well as headers. */
const PACK = "x-amz-meta-pack";
const MD5 = "x-amz-meta-md5";

const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

/** Tells the status and nothing else: addresses and answers may hold names and keys. */
class ArchiveError extends DriveError {
  constructor(doing: string, status: number | "nothing") {
    super("unavailable", `the archive answered ${status} to ${doing}`);
    this.name = "ArchiveError";
  }
}

export class S3ArchiveBucket implements ArchiveBucket {
  readonly #client: AwsClient;
  readonly #base: string;

  constructor({ endpoint, bucket, region, access_key_id, secret_access_key }: ArchiveSettings) {
    this.#client = new AwsClient({
      accessKeyId: access_key_id,
      secretAccessKey: secret_access_key,
      region,
      service: "s3",
      retries: 0,
    });
    this.#base = `${endpoint.replace(/\/+$/, "")}/${bucket}`;
  }

  /** Path style: it needs no name for each bucket, and every maker has it. Redirects are not followed: they would be other hosts. */
  async #ask(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (init.body !== undefined) headers.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    const send = async (): Promise<Response> => {
      const signed = await this.#client.sign(`${this.#base}${path}`, { ...init, method, headers });
      return fetch(signed, { redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
    };
    // The other side may close a kept connection just then. A body that is a stream is not there a second time.
    const answer = init.body instanceof ReadableStream ? send() : send().catch(send);
    return answer.catch(() => {
      throw new ArchiveError(method, "nothing");
    });
  }

  async has(key: string, size: number): Promise<boolean> {
    const answer = await this.#ask("HEAD", `/${key}`);
    if (answer.status === 404) return false;
    if (!answer.ok) throw new ArchiveError("HEAD", answer.status);
    return Number(answer.headers.get("content-length")) === size;
  }

  async put(key: string, { body, size, metadata, md5 }: Moving): Promise<void> {
    const answer = await this.#ask("PUT", `/${key}`, {
      body: body.pipeThrough(new FixedLengthStream(size)),
      headers: { "content-md5": base64(hexToBytes(md5)), [PACK]: JSON.stringify(metadata), [MD5]: md5 },
    });
    await answer.body?.cancel();
    if (!answer.ok) throw new ArchiveError("PUT", answer.status);
    // The tag of what was put whole is its MD5, but for what the bucket encrypts by a key of KMS.
    const tag = /^"?([0-9a-f]{32})"?$/.exec(answer.headers.get("etag") ?? "")?.[1];
    const isOpaque = answer.headers.get("x-amz-server-side-encryption")?.startsWith("aws:kms") === true;
    if (tag !== undefined && tag !== md5 && !isOpaque) throw new Error("the archive took other bytes than it was sent");
    if (!(await this.has(key, size))) throw new Error("the archive does not have what it took");
  }

  async list(
    prefix: string,
    after: string,
    limit: number,
  ): Promise<{ objects: ArchivedObject[]; next: string | null }> {
    const query = new URLSearchParams({ "list-type": "2", "max-keys": String(limit), prefix });
    if (after !== "") query.set("start-after", after);
    const answer = await this.#ask("GET", `?${query.toString()}`);
    const text = await answer.text();
    if (!answer.ok) throw new ArchiveError("LIST", answer.status);
    const objects = [...text.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, object = ""]) => ({
      key: unescaped(said(object, "Key")),
      size: Number(said(object, "Size")),
      uploaded_at: Date.parse(said(object, "LastModified")),
    }));
    return { objects, next: said(text, "IsTruncated") === "true" ? (objects.at(-1)?.key ?? null) : null };
  }

  async take(key: string): Promise<Moving | null> {
    const answer = await this.#ask("GET", `/${key}`);
    if (answer.status === 404) return null;
    const md5 = answer.headers.get(MD5);
    if (!answer.ok || answer.body === null || md5 === null) throw new ArchiveError("GET", answer.status);
    const size = Number(answer.headers.get("content-length"));
    return { body: answer.body, size, md5, metadata: metadataOf(answer) };
  }

  async get(key: string, offset: number, length: number): Promise<StoredObject | null> {
    const answer = await this.#ask("GET", `/${key}`, { headers: { range: `bytes=${offset}-${offset + length - 1}` } });
    if (answer.status === 404 || answer.status === 416) return null;
    if (answer.status !== 206) throw new ArchiveError("GET", answer.status);
    return { bytes: new Uint8Array(await answer.arrayBuffer()), metadata: metadataOf(answer) };
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += KEYS_MAX) {
      // Keys are ours: digits, hex and a slash.
      const objects = keys.slice(at, at + KEYS_MAX).map((key) => `<Object><Key>${key}</Key></Object>`);
      const body = new TextEncoder().encode(`<Delete><Quiet>true</Quiet>${objects.join("")}</Delete>`);
      const md5 = base64(new Uint8Array(await crypto.subtle.digest("MD5", body)));
      const answer = await this.#ask("POST", "?delete", {
        body,
        headers: { "content-md5": md5, "content-type": "application/xml" },
      });
      // 200 may have errors of single keys in it.
      const text = await answer.text();
      if (!answer.ok || text.includes("<Error>")) throw new ArchiveError("DELETE", answer.status);
    }
  }
}

/** The text of an element that has no others in it. */
const said = (xml: string, name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? "";

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
/** Keys of others may have such; ours never do. */
const unescaped = (text: string): string =>
  text.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) =>
    name === undefined
      ? String.fromCodePoint(decimal ? Number(decimal) : parseInt(hex, 16))
      : (ENTITIES[name] ?? whole),
  );

function metadataOf(answer: Response): Record<string, string> {
  try {
    return JSON.parse(answer.headers.get(PACK) ?? "{}");
  } catch {
    return {};
  }
}
