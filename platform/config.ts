/** Variables and secrets of the Workers, parsed once into one typed object. */
import { z } from "zod";
import { parseMasterKeys } from "../core/keys/masters.ts";
import { PLAN_NAMES } from "../core/quota/plans.ts";

const secret = z.string().min(16, "must have 16 characters at least");

const schema = z.object({
  REGISTRATION: z.enum(["open", "invite", "closed"]),
  DEFAULT_PLAN: z.enum(PLAN_NAMES),
  /** Names of the D1 bindings of the shards. */
  SHARDS: z
    .string()
    .transform((s) => s.split(",").map((name) => name.trim()))
    .pipe(z.array(z.string().regex(/^SHARD_\d\d$/)).min(1)),
  TOKEN_SECRET: secret,
  SETUP_TOKEN: secret,
  OPERATOR_TOKEN: secret,
  /** docs/spec/storage.md, K1. */
  MASTER_KEYS: z.string().transform((text, ctx) => {
    try {
      return parseMasterKeys(text);
    } catch (error) {
      ctx.addIssue({ code: "custom", message: (error as Error).message });
      return z.NEVER;
    }
  }),
});

/** Every Worker sees its own part: `pick` names it. */
export type Config = z.infer<typeof schema>;

/** Throws with the names of what is missing or wrong, never with a value. */
export function readConfig<K extends keyof Config>(env: object, ...pick: K[]): Pick<Config, K> {
  const mask = Object.fromEntries(pick.map((key) => [key, true])) as { [key in K]: true };
  const parsed = schema.pick(mask as never).safeParse(env);
  if (parsed.success) return parsed.data as Pick<Config, K>;
  const wrong = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`configuration: ${wrong.join("; ")}`);
}

/** The shards' databases by binding name. */
export function shardBindings(env: object, names: readonly string[]): Map<string, D1Database> {
  return new Map(
    names.map((name) => {
      const db = (env as Record<string, D1Database | undefined>)[name];
      if (db === undefined) throw new Error(`configuration: SHARDS names ${name}, which is not bound`);
      return [name, db];
    }),
  );
}
