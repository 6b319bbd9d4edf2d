import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { buildIfStale } from "./lib/build.ts";
import { exitOnSignals, printError } from "./lib/cli.ts";
import { isKeptMaster, presentSecrets, runStep } from "./lib/deploy-account.ts";
import { deployPlan, planSecrets, type Step } from "./lib/deploy-plan.ts";
import { DEPLOY_ORDER, readDeployables } from "./lib/deployables.ts";
import { MasterKeysError, skippedVersions } from "./lib/master-keys.ts";
import { lacksMaster } from "../core/keys/master-check.ts";
import { inRoot } from "./lib/project.ts";
import { keepSecrets, newSecret, readSecrets } from "./lib/secrets.ts";
import { mustRun } from "./lib/tools.ts";
import { requiredSecrets } from "./lib/worker-config.ts";

/** Generated values, noted for the operator (mode 0600, ignored by git): the account never shows them again. */
const NOTES = inRoot(".deploy");

const required = Object.fromEntries(DEPLOY_ORDER.map((worker) => [worker.name, requiredSecrets([worker])]));

try {
  const { values } = parseArgs({ options: { "dry-run": { type: "boolean" } } });
  exitOnSignals();
  await buildIfStale((message) => console.log(message));
  await (values["dry-run"] ? dryRun() : deploy());
} catch (error) {
  printError(error);
  process.exit(1);
}

/** Every Worker is bundled and checked, and the plan for an empty account printed. Needs no account. */
async function dryRun(): Promise<void> {
  for (const { name, config } of DEPLOY_ORDER) {
    await mustRun("wrangler", ["deploy", "--dry-run", "-c", config]);
    console.log(`ok  ${name}`);
  }
  console.log("\nOn an empty account, npm run deploy would run:\n");
  const { missing } = planSecrets(required, {}, {}, () => "");
  for (const step of deployPlan(readDeployables(), missing)) console.log(`  wrangler ${describe(step)}`);
  console.log("\nNothing was deployed.");
}

async function deploy(): Promise<void> {
  const present: Record<string, string[]> = {};
  for (const { name, config } of DEPLOY_ORDER) present[name] = await presentSecrets(config);

  const known = { ...readSecrets(NOTES), ...fromEnvironment() };
  await requireKeptMasters(known.MASTER_KEYS);
  const { missing, generated } = planSecrets(required, present, known, newSecret);
  if (Object.keys(generated).length > 0) {
    mkdirSync(NOTES, { recursive: true, mode: 0o700 });
    keepSecrets(NOTES, generated);
    console.log(
      `New secrets (${Object.keys(generated).join(", ")}) are noted in ${NOTES}/secrets.json: keep that file safe.`,
    );
  }

  let url: string | undefined;
  for (const step of deployPlan(readDeployables(), missing)) {
    console.log(`... ${step.title}`);
    const output = await runStep(step);
    url ??= /https:\/\/edgedrive-api\.\S+/.exec(output)?.[0];
  }
  console.log(`\nEdgedrive is deployed${url ? `: ${url}` : "."}`);
  if (generated.SETUP_TOKEN) printFirstAdmin(url ?? "https://your-domain", generated.SETUP_TOKEN);
}

/** The list that the account holds cannot be read back; one that is given here is looked at before anything is changed (K7). */
async function requireKeptMasters(text: string | undefined): Promise<void> {
  if (text === undefined) return;
  for (const version of skippedVersions(text))
    if (await isKeptMaster(version)) throw new MasterKeysError(lacksMaster(version));
}

/** Sign-up is by invitation on a deployed copy; the set-up token is the invitation of the first admin. */
function printFirstAdmin(url: string, token: string): void {
  console.log(
    `\nMake your account, the first admin, with this link. It works once:\n\n  ${url}/register?invite=${token}\n`,
  );
}

function fromEnvironment(): Record<string, string> {
  const names = Object.values(required).flat();
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

function describe({ args, secrets }: Step): string {
  return [...args, ...(secrets ? [`--secrets-file (${Object.keys(secrets).join(", ")})`] : [])].join(" ");
}
