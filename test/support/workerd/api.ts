/** A caller of the API: the real app over real bindings, and a look at everything that a request could have changed. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { SignedIn } from "../../../core/protocol/auth.ts";
import type { ErrorCode } from "../../../core/protocol/errors.ts";
import type { File } from "../../../core/protocol/files.ts";
import { tenantOf } from "../../../core/protocol/ids.ts";
import type { UploadSession } from "../../../core/protocol/uploads.ts";
import worker from "../../../workers/api/index.ts";
import type { Env } from "../../../workers/api/env.ts";

export const apiEnv = env as unknown as Env & Record<string, D1Database> & { SHARDS: string; TOKEN_SECRET: string };

/** The same bindings under other variables: an operator's choices. */
export const withVars = (vars: Record<string, unknown>): Env => ({ ...apiEnv, ...vars }) as unknown as Env;

export interface Ask {
  json?: unknown;
  body?: BodyInit;
  headers?: Record<string, string>;
}

export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  bytes: Uint8Array<ArrayBuffer>;
  /** The body as JSON; an empty object when it is none. */
  json: T;
}

export class Api {
  readonly env: Env;
  /** Sent as `Authorization`, when there is one. */
  token: string | undefined;

  constructor(token?: string, bindings: Env = apiEnv) {
    this.token = token;
    this.env = bindings;
  }

  /** The whole answer, after all that the request left running is done. Paths without a slash at the front are under `/api/v1`. */
  async ask<T = Record<string, unknown>>(
    method: string,
    path: string,
    { json, body, headers }: Ask = {},
  ): Promise<Answer<T>> {
    const all = new Headers(headers);
    if (this.token !== undefined && !all.has("authorization")) all.set("authorization", `Bearer ${this.token}`);
    if (json !== undefined) all.set("content-type", "application/json");
    // Encoded here: a string would bring a media type of its own.
    const said = json === undefined ? body : JSON.stringify(json);
    const payload = typeof said === "string" ? new TextEncoder().encode(said) : said;
    if (payload !== undefined && !all.has("content-length") && !(payload instanceof ReadableStream))
      all.set("content-length", String((await new Response(payload).arrayBuffer()).byteLength));
    const url = `https://drive.example${path.startsWith("/") ? path : `/api/v1/${path}`}`;
    const ctx = createExecutionContext();
    const request = new Request<unknown, IncomingRequestCfProperties>(url, { method, headers: all, body: payload });
    const response = await worker.fetch(request, this.env, ctx);
    const bytes = new Uint8Array(await response.arrayBuffer());
    await waitOnExecutionContext(ctx);
    // A HEAD answer has the type and no body.
    const isJson = bytes.length > 0 && /[/+]json/.test(response.headers.get("content-type") ?? "");
    const parsed = isJson ? JSON.parse(new TextDecoder().decode(bytes)) : {};
    return { status: response.status, headers: response.headers, bytes, json: parsed as T };
  }

  /** As {@link ask}, for what is expected to work. */
  async ok<T>(method: string, path: string, ask: Ask = {}): Promise<T> {
    const { status, json } = await this.ask(method, path, ask);
    expect(status, `${method} ${path}: ${JSON.stringify(json)}`).toBeLessThan(300);
    return json as T;
  }

  folder(name: string, parent_id = "root"): Promise<File> {
    return this.ok<File>("POST", "folders", { json: { parent_id, name } });
  }

  file(name: string, bytes: BodyInit, parent_id = "root"): Promise<File> {
    return this.ok<File>("POST", `files/upload?${new URLSearchParams({ parent_id, name })}`, { body: bytes });
  }

  start(name: string, size: number, more: Record<string, unknown> = {}): Promise<UploadSession> {
    return this.ok<UploadSession>("POST", "files/upload", { json: { parent_id: "root", name, size, ...more } });
  }

  async chunk(upload_id: string, index: number, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    const chunk_id = await sha256(bytes);
    await this.ok("PUT", `chunks/${chunk_id}?upload_id=${upload_id}&index=${index}`, { body: bytes });
    return chunk_id;
  }
}

export class User extends Api {
  readonly signedIn: SignedIn;

  constructor(signedIn: SignedIn, bindings?: Env) {
    super(signedIn.access_token, bindings);
    this.signedIn = signedIn;
  }

  get id(): string {
    return this.signedIn.user.user_id;
  }

  async quota(): Promise<{ used_bytes: number; reserved_bytes: number; limit_bytes: number }> {
    return (await this.ok<{ quota: Awaited<ReturnType<User["quota"]>> }>("GET", "me")).quota;
  }
}

let users = 0;
export const PASSWORD = "correct horse battery staple";

/** Someone new. @param vars variables that differ for them, such as `DEFAULT_PLAN` */
export async function newUser(vars: Record<string, unknown> = {}): Promise<User> {
  const bindings = withVars(vars);
  const email = `user${++users}@example.org`;
  const json = { email, password: PASSWORD, name: `User ${users}` };
  return new User(await new Api(undefined, bindings).ok<SignedIn>("POST", "auth/register", { json }), bindings);
}

/** The same person on one more device. */
export async function otherDevice(user: User): Promise<User> {
  const json = { email: user.signedIn.user.email, password: PASSWORD };
  return new User(await user.ok<SignedIn>("POST", "auth/login", { json }), user.env);
}

/** The database of the shard where an id's tenant lies. */
export async function shardOf(id: string): Promise<D1Database> {
  const row = await apiEnv.DIRECTORY.prepare("select shard from tenants where tenant_id = ?1")
    .bind(tenantOf(id))
    .first<{ shard: string }>();
  return apiEnv[row!.shard]!;
}

const TABLES = /^(?!sqlite_|_cf_|d1_migrations)/;

async function rowsOf(db: D1Database): Promise<Record<string, unknown[]>> {
  const { results } = await db.prepare("select name from sqlite_master where type = 'table'").all<{ name: string }>();
  const names = results.map(({ name }) => name).filter((name) => TABLES.test(name));
  const answers = await db.batch<Record<string, unknown>>(names.map((name) => db.prepare(`select * from ${name}`)));
  return Object.fromEntries(names.map((name, i) => [name, answers[i]!.results.filter((row) => !isOver(name, row))]));
}

/**
 * What the sweep keeps of an upload that ended without a file, and the key that a tenant gets with its first byte, with its
 * copy: nobody sees them, and they reserve nothing.
 */
const isOver = (table: string, row: Record<string, unknown>): boolean =>
  table === "tenant_keys" || (table === "uploads" && row.state === "aborted");

/** Every row of every database and every object: what "nothing changed" means. Quota is in the rows of `drives`. */
export async function everything(): Promise<unknown> {
  const databases = ["DIRECTORY", ...apiEnv.SHARDS.split(",")];
  const rows = await Promise.all(databases.map((name) => rowsOf(apiEnv[name]!)));
  const buckets = await Promise.all([apiEnv.BLOBS.list(), apiEnv.DERIVED.list()]);
  const objects = buckets.map(({ objects }) =>
    objects.filter(({ key }) => !/^(keys|masters)\//.test(key)).map(({ key, etag }) => `${key} ${etag}`),
  );
  return { rows: Object.fromEntries(databases.map((name, i) => [name, rows[i]])), objects };
}

/** A refusal in the agreed form. */
export function expectProblem(answer: Answer, status: number, code: ErrorCode): void {
  const { type, title, detail, request_id } = answer.json;
  expect({ status: answer.status, code: answer.json.code }, JSON.stringify(answer.json)).toEqual({ status, code });
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.json.status).toBe(status);
  for (const member of [type, title, detail, request_id]) expect(member).toEqual(expect.any(String));
  expect(answer.headers.get("x-request-id")).toBe(request_id);
}

/** The request is refused so, and nothing anywhere has changed by it. */
export async function expectRefused(
  api: Api,
  status: number,
  code: ErrorCode,
  method: string,
  path: string,
  ask?: Ask,
): Promise<Answer> {
  const before = await everything();
  const answer = await api.ask(method, path, ask);
  expectProblem(answer, status, code);
  expect(await everything()).toEqual(before);
  return answer;
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, "0")).join("");
}

export const text = (s: string): Uint8Array<ArrayBuffer> => Uint8Array.from(new TextEncoder().encode(s));
