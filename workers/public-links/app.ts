/** `/s/{token}`: the page, the bytes, the list of a shared folder. docs/spec/links.md. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { LIST_LIMIT_DEFAULT, pageQuerySchema, toTime } from "../../core/protocol/common.ts";
import { DriveError } from "../../core/protocol/errors.ts";
import { idSchema } from "../../core/protocol/ids.ts";
import { isGuarded } from "../../core/sharing/links.ts";
import { type Representation, serveBytes } from "../http/bytes.ts";
import { problem, statusOf } from "../http/problem.ts";
import type { Deps } from "./deps.ts";
import { enterPassword, openCounted, requireLeft, requirePassword } from "./guard.ts";
import { errorPage, filePage, folderPage, passwordPage } from "./page.ts";
import { type Resolution, Resolver } from "./resolver.ts";
import { openShared, openUncached } from "./shared-bytes.ts";
import { PAGE_HEADERS } from "./style.ts";

const folderQuerySchema = pageQuerySchema.extend({ folder_id: idSchema.optional() });
const downloadQuerySchema = z.object({ file_id: idSchema.optional() });
const passwordFormSchema = z.object({ password: z.string().max(256) });

/** A password form has a few hundred bytes. */
const FORM_MAX = 4096;

function parse<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new DriveError("invalid_request", `${issue?.path.join(".") ?? "request"}: ${issue?.message ?? "is not valid"}`);
}

/**
 * Browsers ask again each time; only the CDN in front keeps an answer, for what is left of the reading that it rests
 * on. So ages do not add up: the bound holds from the reading of the link, not from each answer.
 */
function cacheHeaders({ link, until }: Resolution, now: number): Record<string, string> {
  if (isGuarded(link)) return { "cache-control": "private, no-store" };
  const seconds = Math.max(0, Math.floor((until - now) / 1000));
  return {
    "cache-control": "public, max-age=0, must-revalidate",
    "cloudflare-cdn-cache-control": `public, max-age=${seconds}, must-revalidate`,
    "cache-tag": `link-${link.token}`,
  };
}

type AppEnv = { Variables: { request_id: string } };

const wantsPage = (c: Context<AppEnv>): boolean => (c.req.header("accept") ?? "").includes("text/html");

export function createApp(deps: Deps): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const resolver = new Resolver(deps);
  const tokenOf = (c: Context<AppEnv>): string => c.req.param("token") ?? "";

  const open = async (c: Context<AppEnv>): Promise<Resolution> => {
    const resolution = await resolver.open(tokenOf(c));
    await requirePassword(c, deps, resolution.link);
    return resolution;
  };

  const page = async (c: Context<AppEnv>, resolution: Resolution): Promise<Response> => {
    const { link } = resolution;
    await requireLeft(deps, link);
    const headers = { ...PAGE_HEADERS, ...cacheHeaders(resolution, deps.now()) };
    if (!link.file.is_folder) return c.body(String(await filePage(link)), 200, headers);
    const query = parse(folderQuerySchema, c.req.query());
    const folder_id = query.folder_id ?? link.file.file_id;
    const folder = await resolver.folder(resolution, folder_id, query.cursor ?? "", LIST_LIMIT_DEFAULT);
    return c.body(String(await folderPage(link, folder)), 200, headers);
  };

  const failure = async (c: Context<AppEnv>, error: unknown): Promise<Response> => {
    if (!(error instanceof DriveError))
      // The message of a database error can hold parameters: only its name and place are logged.
      console.error({
        message: "a public link failed",
        name: error instanceof Error ? error.name : "unknown",
        stack: error instanceof Error ? error.stack?.split("\n").slice(1, 8) : undefined,
      });
    const known =
      error instanceof DriveError ? error : new DriveError("unavailable", "This cannot be opened right now.");
    const answer = problem(known, c.var.request_id);
    const isPage = c.req.path.split("/").length === 3;
    if (!isPage && !wantsPage(c)) return answer;
    const asks = ["password_required", "wrong_password", "rate_limited"].includes(known.code);
    const wrong = known.code === "password_required" ? null : known.message;
    const body = await (asks ? passwordPage(wrong) : errorPage(known.code));
    const headers = { ...Object.fromEntries(answer.headers), ...PAGE_HEADERS };
    return c.body(String(body), statusOf(known.code) as 404, headers);
  };

  app.use("*", async (c, next) => {
    c.set("request_id", c.req.header("cf-ray") ?? crypto.randomUUID());
    await next();
    c.res.headers.set("x-request-id", c.var.request_id);
  });

  app.get("/s/:token", async (c) => page(c, await open(c)));

  app.post("/s/:token", async (c) => {
    const { link } = await resolver.open(tokenOf(c));
    const length = Number(c.req.header("content-length") ?? Number.NaN);
    if (!(length <= FORM_MAX)) throw new DriveError("payload_too_large", "This form is too large.");
    const form = parse(passwordFormSchema, await c.req.parseBody());
    const cookie = await enterPassword(c, deps, link, form.password);
    const headers = new Headers({ location: `/s/${link.token}`, "cache-control": "no-store" });
    if (cookie !== null) headers.append("set-cookie", cookie);
    return new Response(null, { status: 303, headers });
  });

  app.get("/s/:token/download", async (c) => {
    const resolution = await open(c);
    const { link } = resolution;
    const { file_id } = parse(downloadQuerySchema, c.req.query());
    const file = await resolver.file(resolution, file_id ?? link.file.file_id);
    if (file.is_folder) throw new DriveError("not_a_file", `“${file.name}” is a folder.`);
    const { "cache-control": cache_control, ...cdn } = cacheHeaders(resolution, deps.now());
    let ticket: string | null = null;
    const representation: Representation = {
      etag: `"${file.version_id}"`,
      size: file.size,
      last_modified: new Date(file.updated_at),
      media_type: file.mime_type,
      file_name: file.name,
      content_hash: file.content_hash,
      cache_control: `${cache_control}, no-transform`,
      async open(offset, length) {
        if (!isGuarded(link)) return openShared(deps, link.tenant_id, file, offset, length);
        const read = () => openUncached(deps, file, offset, length);
        const opened = await openCounted(c, deps, link, file.file_id, read);
        ticket = opened.ticket;
        return opened.bytes;
      },
    };
    const answer = await serveBytes(c.req.raw, representation);
    for (const [name, value] of Object.entries(cdn)) answer.headers.set(name, value);
    if (ticket !== null) answer.headers.append("set-cookie", ticket);
    return answer;
  });

  app.get("/s/:token/contents", async (c) => {
    const resolution = await open(c);
    const { link } = resolution;
    const query = parse(folderQuerySchema, c.req.query());
    if (!link.file.is_folder) throw new DriveError("not_a_folder", `“${link.file.name}” is not a folder.`);
    const folder_id = query.folder_id ?? link.file.file_id;
    const { items, next_cursor } = await resolver.folder(resolution, folder_id, query.cursor ?? "", query.limit);
    const body = { items: items.map((item) => ({ ...item, updated_at: toTime(item.updated_at) })), next_cursor };
    return c.json(body, 200, { ...cacheHeaders(resolution, deps.now()), "x-content-type-options": "nosniff" });
  });

  for (const path of ["/s/:token", "/s/:token/download", "/s/:token/contents"])
    app.all(path, () => {
      throw new DriveError("method_not_allowed", "Links answer GET and HEAD; a password is sent by POST to the page.");
    });
  app.notFound((c) => failure(c, new DriveError("not_found", "There is no such link.")));
  app.onError((error, c) => failure(c, error));
  return app;
}
