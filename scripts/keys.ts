import { parseArgs } from "node:util";
import type { Rewriting } from "../core/keys/rewriting.ts";
import { printError, UsageError } from "./lib/cli.ts";
import { inRoot } from "./lib/project.ts";
import { readSecrets } from "./lib/secrets.ts";

const USAGE = `npm run keys [-- COMMAND] [--url URL]

  (none)                 what each master key wraps, and what is wrong
  rotate [--tenant N]    new keys for all tenants, or one, and all of them under the newest master
  rewrite TENANT         writes the bytes of a tenant again, under its newest key; rotate --tenant first
  tenant TENANT          how far that is, and what still needs the older keys
  retire VERSION         a master key that wraps nothing may leave MASTER_KEYS

  --url URL              the running copy (default http://127.0.0.1:8787); OPERATOR_TOKEN in the environment

docs/runbook/keys.md says when and why.`;

interface Rotated {
  added: number;
  rewrapped: number;
  failed: number;
  next_cursor: string | null;
}

try {
  await run();
} catch (error) {
  printError(error);
  process.exit(1);
}

async function run(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { url: { type: "string", default: "http://127.0.0.1:8787" }, tenant: { type: "string" } },
  });
  const token = process.env.OPERATOR_TOKEN ?? readSecrets(inRoot(".data")).OPERATOR_TOKEN ?? "";
  const ask = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(new URL(`/operator/keys${path}`, values.url), {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const said = await answer.text();
    if (!answer.ok) throw new UsageError(`${answer.status}: ${detailOf(said)}`);
    return (said === "" ? {} : JSON.parse(said)) as T;
  };
  const [command = "list", version] = positionals;
  if (command === "list") return console.log(JSON.stringify(await ask("GET", ""), null, 2));
  if (command === "rotate") return rotate(ask, values.tenant);
  if (command === "rewrite" && version !== undefined)
    return describe(await ask("POST", `/tenants/${encodeURIComponent(version)}/rewrite`));
  if (command === "tenant" && version !== undefined)
    return describe(await ask("GET", `/tenants/${encodeURIComponent(version)}`));
  if (command !== "retire" || version === undefined) throw new UsageError(USAGE);
  await ask("DELETE", `/masters/${encodeURIComponent(version)}`);
  console.log(`${version} wraps nothing any more: it may be taken out of MASTER_KEYS.`);
}

/** Of one moment, so that a repeat after a failure makes no version twice. */
async function rotate(
  ask: <T>(method: string, path: string, body: object) => Promise<T>,
  tenant?: string,
): Promise<void> {
  const order = {
    made_before: new Date().toISOString(),
    ...(tenant === undefined ? {} : { tenant_id: Number(tenant) }),
  };
  const all = { added: 0, rewrapped: 0, failed: 0 };
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page: Rotated = await ask("POST", "/rotate", { ...order, ...(cursor === undefined ? {} : { cursor }) });
    all.added += page.added;
    all.rewrapped += page.rewrapped;
    all.failed += page.failed;
    cursor = page.next_cursor;
  }
  console.log(`${all.added} new keys, ${all.rewrapped} wrapped by the newest master, ${all.failed} failed.`);
  if (all.failed > 0) process.exitCode = 1;
}

function describe({ newest, rewrite_below, left, archived, versions }: Rewriting): void {
  console.log(
    rewrite_below === 0
      ? `The newest key is ${newest}; nothing is written anew.`
      : `Packs with a key below ${rewrite_below} are written anew: ${left} are left, ${archived} more lie in the archive and stay.`,
  );
  for (const use of versions.filter(({ version }) => version < newest)) {
    const { version, live, condemned, backups, wraps_archive_secret, is_needed } = use;
    const needs = [
      `${live + use.archived} packs`,
      `${condemned} that wait for the end of the grace`,
      `${backups} backups`,
      ...(wraps_archive_secret ? ["the archive's secret"] : []),
    ];
    console.log(`Key ${version}: ${is_needed ? needs.join(", ") : "nothing needs it any more"}.`);
  }
}

function detailOf(text: string): string {
  try {
    return (JSON.parse(text) as { detail?: string }).detail ?? text;
  } catch {
    return text;
  }
}
