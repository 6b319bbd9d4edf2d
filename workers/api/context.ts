/** Wires the dependencies once for each isolate; tests start the same code over their own bindings. */
import type { IdentityDeps } from "../../core/identity/service.ts";
import { DriveError, fromFailure } from "../../core/protocol/errors.ts";
import { isId, tenantOf, tenantOfShareToken } from "../../core/protocol/ids.ts";
import { isGuarded, requireOpen } from "../../core/sharing/links.ts";
import { type Access, type Granted, type Principal, requireRight } from "../../core/sharing/rights.ts";
import type { PermissionWord } from "../../core/protocol/common.ts";
import type { KeyDeps } from "../../core/keys/tenant-key.ts";
import type { Engine } from "../../core/storage/engine.ts";
import type { Outcome, Result, Submission } from "../../core/sync/commands.ts";
import { type Config, readConfig, shardBindings } from "../../platform/config.ts";
import { scryptPasswords } from "../../platform/crypto/passwords.ts";
import { JwtTokens } from "../../platform/crypto/tokens.ts";
import { D1AccountStore } from "../../platform/d1/directory/account-store.ts";
import { FileStore } from "../../platform/d1/shard/file-store.ts";
import { JournalStore } from "../../platform/d1/shard/journal-store.ts";
import { D1LinksStore } from "../../platform/d1/shard/links-store.ts";
import { D1RightsStore, findMany } from "../../platform/d1/shard/rights-store.ts";
import { D1UploadStore } from "../../platform/d1/shard/upload-store.ts";
import { ShardMap, type TenantPlace } from "../../platform/d1/shard-map.ts";
import { workerBytes } from "../../platform/r2/bytes.ts";
import { createEngine, createKeyDeps } from "../../platform/engine.ts";
import { createReadLog } from "../../platform/read-log.ts";
import type { Env } from "./env.ts";
import { Readiness } from "./readiness.ts";
import { RevokedSessions } from "./revoked-sessions.ts";

/** The stores of one tenant, in the shard where it lies. */
export interface Tenant {
  place: TenantPlace;
  files: FileStore;
  journal: JournalStore;
  rights: D1RightsStore;
  uploads: D1UploadStore;
}

export class AppContext {
  readonly env: Env;
  readonly config: Config;
  readonly shards: ShardMap;
  readonly accounts: D1AccountStore;
  readonly tokens: JwtTokens;
  readonly revoked: RevokedSessions;
  readonly engine: Engine;
  readonly keys: KeyDeps;
  readonly readiness: Readiness;
  readonly bytes = workerBytes;
  readonly identity: IdentityDeps;

  constructor(env: Env) {
    this.env = env;
    this.config = readConfig(
      env,
      ...([
        "REGISTRATION",
        "DEFAULT_PLAN",
        "SHARDS",
        "TOKEN_SECRET",
        "SETUP_TOKEN",
        "OPERATOR_TOKEN",
        "MASTER_KEYS",
      ] as const),
    );
    const bindings = shardBindings(env, this.config.SHARDS);
    this.shards = new ShardMap(env.DIRECTORY, bindings);
    this.accounts = new D1AccountStore(env.DIRECTORY, bindings);
    this.tokens = new JwtTokens(this.config.TOKEN_SECRET);
    this.revoked = new RevokedSessions(this.accounts);
    this.keys = createKeyDeps(env, this.shards, this.config.MASTER_KEYS);
    this.engine = createEngine(env, this.shards, this.config.MASTER_KEYS, createReadLog(this.shards));
    this.readiness = new Readiness(env, bindings, this.keys.check);
    this.identity = {
      accounts: this.accounts,
      passwords: scryptPasswords,
      tokens: this.tokens,
      now: () => Date.now(),
      policy: {
        registration: this.config.REGISTRATION,
        setup_token: this.config.SETUP_TOKEN,
        default_plan: this.config.DEFAULT_PLAN,
      },
    };
  }

  /** The stores that hold an id. An id of no tenant looks like an unknown one. */
  async tenantOfId(id: string): Promise<Tenant> {
    const place = isId(id) ? await this.shards.find(tenantOf(id)) : null;
    if (place === null) throw new DriveError("not_found", "There is no such file.");
    const { db, tenant_id } = place;
    return {
      place,
      files: new FileStore(db, tenant_id),
      journal: new JournalStore(db, tenant_id),
      rights: new D1RightsStore(db, tenant_id),
      uploads: new D1UploadStore(db, tenant_id),
    };
  }

  /** `requireRight` in the tenant that the id names. */
  async require(
    principal: Principal,
    file_id: string,
    wanted: PermissionWord,
    options: { allowTrashed?: boolean } = {},
  ): Promise<Granted> {
    const { rights } = await this.tenantOfId(file_id);
    return requireRight(rights, principal, file_id, wanted, options);
  }

  /** Who holds an open link. Guarded ones open at their own page only, which asks and counts. */
  async linkPrincipal(token: string): Promise<Principal> {
    const place = await this.shards.find(tenantOfShareToken(token));
    const found = place === null ? null : await new D1LinksStore(place.db, place.tenant_id).find(token);
    const link = requireOpen(found, Date.now());
    if (isGuarded(link)) throw new DriveError("password_required", "This link opens at its own page only.");
    return { kind: "link", permission_id: link.permission_id };
  }

  hub(drive_id: string) {
    return this.env.SYNC_HUB.get(this.env.SYNC_HUB.idFromName(drive_id));
  }

  /** Rights of many files of any tenants; unknown ones are missing. One query for each tenant. */
  async accesses(principal: Principal, file_ids: readonly string[]): Promise<Map<string, Access>> {
    const found = new Map<string, Access>();
    for (const [tenant_id, ids] of Map.groupBy(file_ids, tenantOf)) {
      const place = await this.shards.find(tenant_id);
      if (place === null) continue;
      for (const [id, access] of await findMany(place.db, principal, ids)) found.set(id, access);
    }
    return found;
  }

  /** Commands in their order, in one call of the drive's object. */
  async submitAll(drive_id: string, submissions: Submission[]): Promise<Result[]> {
    return (await this.hub(drive_id).submitAll(drive_id, submissions)) as Result[];
  }

  /** One command in the drive's order. Throws the `DriveError` of a refusal. */
  async submit(drive_id: string, submission: Submission): Promise<Outcome> {
    // RPC's own types lose the union.
    const result = (await this.hub(drive_id).submit(drive_id, submission)) as Result;
    if (!result.ok) throw fromFailure(result.failure);
    return result.outcome;
  }
}

const contexts = new WeakMap<object, AppContext>();

export function contextOf(env: Env): AppContext {
  const known = contexts.get(env);
  if (known !== undefined) return known;
  const context = new AppContext(env);
  contexts.set(env, context);
  return context;
}
