import { OpenAPIHono } from "@hono/zod-openapi";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { secureHeaders } from "hono/secure-headers";
import { DriveError } from "../../core/protocol/errors.ts";
import { discard } from "../../platform/r2/bytes.ts";
import { problem } from "../http/problem.ts";
import { contextOf } from "./context.ts";
import { isFrames } from "../http/media-type.ts";
import { BASE, invalid, JSON_MAX_BYTES } from "./http.ts";
import { authenticate } from "./middleware/authenticate.ts";
import { limitAddress, limitUser } from "./middleware/limits.ts";
import { accountRoutes } from "./routes/account.ts";
import { archiveRoutes } from "./routes/archive.ts";
import { authRoutes } from "./routes/auth.ts";
import { diffRoutes } from "./routes/diff.ts";
import { docsRoutes, openapiRoute } from "./routes/docs.ts";
import { downloadRoutes } from "./routes/download.ts";
import { fileRoutes } from "./routes/files.ts";
import { folderRoutes } from "./routes/folders.ts";
import { healthRoutes } from "./routes/health.ts";
import { meRoutes } from "./routes/me.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { operatorRoutes } from "./routes/operator.ts";
import { previewRoutes } from "./routes/previews.ts";
import { searchRoutes } from "./routes/search.ts";
import { shareInfoRoutes, sharingRoutes } from "./routes/sharing.ts";
import { syncRoutes } from "./routes/sync.ts";
import { operatorArchiveRoutes, tierRoutes } from "./routes/tiers.ts";
import { uploadRoutes } from "./routes/uploads.ts";
import type { App, AppEnv } from "./types.ts";

/** The seed's journeys say so. */
const ALIAS = "/v1";

/** What is ours whichever base it is under; pages of links have headers of their own. */
const OURS = /^\/(api|v1)\//;

/** Bodies that are files: streamed, bounded by their own rules. Without a name an upload is a JSON body of a session. */
const isBytes = ({ req }: Context<AppEnv>): boolean =>
  (req.method === "PUT" && /\/(chunks|files)\/[^/]+$/.test(req.path)) ||
  (req.method === "POST" && req.path.endsWith("/sync/delta") && isFrames(req.header("content-type"))) ||
  (req.method === "POST" && req.path.endsWith("/files/upload") && req.query("name") !== undefined);

const limitJson = bodyLimit({
  maxSize: JSON_MAX_BYTES,
  onError: () => {
    throw new DriveError("payload_too_large", `A JSON body can have ${JSON_MAX_BYTES} bytes at most.`);
  },
});

/** What a handler threw, as the client may see it. Anything unknown is ours, and told to nobody but the log. */
function toDriveError(error: Error): DriveError {
  if (error instanceof DriveError) return error;
  if (error instanceof HTTPException && error.status < 500) return new DriveError("invalid_request", error.message);
  return new DriveError("internal", "Something went wrong on our side.");
}

function apiRoutes(): App {
  const api: App = new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalid(result.error);
    },
  });
  openapiRoute(api);
  authRoutes(api);
  downloadRoutes(api);
  shareInfoRoutes(api);
  api.use("*", authenticate, limitUser);
  meRoutes(api);
  accountRoutes(api);
  folderRoutes(api);
  archiveRoutes(api);
  syncRoutes(api);
  uploadRoutes(api);
  fileRoutes(api);
  tierRoutes(api);
  diffRoutes(api);
  previewRoutes(api);
  searchRoutes(api);
  sharingRoutes(api);
  return api;
}

export function createApp(): Hono<AppEnv> {
  const root = new Hono<AppEnv>();
  root.onError((error, c) => {
    const known = toDriveError(error);
    if (known.code === "internal")
      // The message of a database error can hold parameters: only its name and place are logged.
      console.error({
        message: "unexpected error",
        request_id: c.var.request_id,
        name: error.name,
        stack: error.stack?.split("\n").slice(1, 8),
      });
    return problem(known, c.var.request_id);
  });
  root.notFound((c) => problem(new DriveError("not_found", "There is no such address."), c.var.request_id));
  root.use("*", async (c, next) => {
    c.set("request_id", c.req.header("cf-ray") ?? crypto.randomUUID());
    c.set("app", contextOf(c.env));
    await next();
    const { body, bodyUsed } = c.req.raw;
    if (body !== null && !bodyUsed && !body.locked) await discard(body);
    // The Worker of links has set its own, which its problem documents name.
    if (c.res.status !== 101 && !c.res.headers.has("x-request-id")) c.res.headers.set("x-request-id", c.var.request_id);
  });
  healthRoutes(root);
  // Guesses of the operator's token are limited like anything else.
  root.use("/metrics", limitAddress);
  metricsRoutes(root);
  root.use("/operator/*", limitAddress, limitJson);
  operatorRoutes(root);
  operatorArchiveRoutes(root);
  const secure = secureHeaders({ crossOriginResourcePolicy: "same-origin", xFrameOptions: "DENY" });
  // The headers of a 101 cannot be changed.
  root.use("*", (c, next) => (OURS.test(c.req.path) && !c.req.raw.headers.has("upgrade") ? secure(c, next) : next()));
  docsRoutes(root);
  root.use("*", limitAddress);
  root.use("*", (c, next) => (isBytes(c) ? next() : limitJson(c, next)));
  root.all("/s/*", async (c) => {
    const answer = await c.env.PUBLIC_LINKS.fetch(c.req.raw);
    // A copy: the headers of a fetched answer cannot be changed.
    return new Response(answer.body, answer);
  });
  const api = apiRoutes();
  for (const base of [BASE, ALIAS]) root.route(base, api);
  return root;
}
