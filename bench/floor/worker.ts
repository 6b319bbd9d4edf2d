/**
 * What the platform itself costs: each route does the least that any drive must do, and nothing of ours. It has no
 * sign-in, no rights, no journal that anyone reads; its times are what the product is compared with.
 */
import { DurableObject } from "cloudflare:workers";
import { open, seal } from "./opened.ts";

interface Env {
  BUCKET: R2Bucket;
  DB: D1Database;
  OBJECT: DurableObjectNamespace<FloorObject>;
}

export class FloorObject extends DurableObject {
  nothing(): void {}

  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  notify(text: string): void {
    for (const socket of this.ctx.getWebSockets()) socket.send(text);
  }
}

interface Call {
  request: Request;
  env: Env;
  key: string;
  query: URLSearchParams;
}

const object = ({ env }: Call) => env.OBJECT.get(env.OBJECT.idFromName("floor"));

/** The rows of one change: a counter, an entry, a line of a journal. */
function change({ env }: Call, entry_id: string): D1PreparedStatement[] {
  return [
    env.DB.prepare("update counters set n = n + 1 where id = 1"),
    env.DB.prepare(
      "insert into entries (parent_id, name_key, entry_id, size, body) values ('changed', ?1, ?1, 1, '')",
    ).bind(entry_id),
    env.DB.prepare("insert into journal (entry_id, at) values (?1, ?2)").bind(entry_id, Date.now()),
  ];
}

async function bytes({ request, env, key }: Call): Promise<Response> {
  const found = await env.BUCKET.get(key, { range: request.headers });
  if (found === null) return new Response(null, { status: 404 });
  // As the product's: no compression, a length.
  const range = found.range as { offset?: number; length?: number } | undefined;
  const length = range?.length ?? found.size;
  const headers = { "content-encoding": "identity", "content-length": String(length) };
  const status = request.headers.has("range") ? 206 : 200;
  return new Response(found.body.pipeThrough(new FixedLengthStream(length)), { status, headers, encodeBody: "manual" });
}

const ROUTES: Record<string, (call: Call) => Promise<Response>> = {
  "GET empty": async () => new Response(null, { status: 204 }),
  "PUT object": async ({ request, env, key }) => {
    await env.BUCKET.put(key, request.body);
    return new Response(null, { status: 204 });
  },
  "GET object": bytes,
  "PUT sealed": async ({ request, env, key }) => {
    await seal(env.BUCKET, key, await request.json());
    return new Response(null, { status: 204 });
  },
  /** One query, then reads that are opened. */
  "POST opened": async ({ request, env, key }) => {
    await env.DB.prepare("select * from entries where parent_id = 'changed' and name_key = ?1").bind(key).first();
    return open(env.BUCKET, await request.json());
  },
  "POST multipart": async ({ env, key }) =>
    Response.json({ upload_id: (await env.BUCKET.createMultipartUpload(key)).uploadId }),
  "PUT multipart": async ({ request, env, key, query }) => {
    const upload = env.BUCKET.resumeMultipartUpload(key, query.get("upload_id") as string);
    return Response.json(await upload.uploadPart(Number(query.get("part")), request.body as ReadableStream));
  },
  "POST complete": async ({ request, env, key, query }) => {
    const upload = env.BUCKET.resumeMultipartUpload(key, query.get("upload_id") as string);
    await upload.complete(await request.json());
    return new Response(null, { status: 204 });
  },
  /** A file: its bytes, then its rows in one batch. */
  "POST store": async (call) => {
    await call.env.BUCKET.put(call.key, call.request.body);
    await call.env.DB.batch(change(call, call.key));
    return new Response(null, { status: 204 });
  },
  /** A file's bytes behind its row. */
  "GET stored": async (call) => {
    await call.env.DB.prepare("select * from entries where parent_id = 'changed' and name_key = ?1")
      .bind(call.key)
      .first();
    return bytes(call);
  },
  "POST batch": async (call) => {
    const count = Number(call.query.get("count") ?? 1);
    await call.env.DB.batch(Array.from({ length: count }, (_, i) => change(call, `${call.key}-${i}`)).flat());
    return new Response(null, { status: 204 });
  },
  "GET rows": async ({ env, query }) => {
    const { results } = await env.DB.prepare(
      "select * from entries where parent_id = 'listed' and name_key > ?1 order by name_key limit ?2",
    )
      .bind(query.get("after") ?? "", Number(query.get("limit")))
      .all();
    return Response.json({ items: results });
  },
  "POST call": async (call) => {
    await object(call).nothing();
    return new Response(null, { status: 204 });
  },
  "GET socket": (call) => object(call).fetch(call.request),
  "POST notify": async (call) => {
    await object(call).notify(call.key);
    return new Response(null, { status: 204 });
  },
};

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const [, route, key = ""] = url.pathname.split("/");
    const handler = ROUTES[`${request.method} ${route}`];
    return handler === undefined
      ? new Response(null, { status: 404 })
      : handler({ request, env, key, query: url.searchParams });
  },
} satisfies ExportedHandler<Env>;
