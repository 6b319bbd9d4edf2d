import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Claims } from "../../core/identity/model.ts";
import type { AppContext } from "./context.ts";
import type { Env } from "./env.ts";

export interface Variables {
  app: AppContext;
  request_id: string;
  /** Set by `authenticate`. */
  claims: Claims;
  /** The client's `Idempotency-Key` in its user's name, else one of our own. */
  op_id: string;
}

export type AppEnv = { Bindings: Env; Variables: Variables };
export type App = OpenAPIHono<AppEnv>;
