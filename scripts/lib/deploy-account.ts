import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Step } from "./deploy-plan.ts";
import { API } from "./project.ts";
import { readConfig } from "./worker-config.ts";
import { captureTool, mustRun, ToolError } from "./tools.ts";

/** Names of the secrets that a Worker has on the account; none when it is not there yet. */
export async function presentSecrets(config: string): Promise<string[]> {
  const { code, stdout, stderr } = await captureTool("wrangler", ["secret", "list", "--format", "json", "-c", config]);
  if (code === 0) return (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name);
  // 10007: "This Worker does not exist on your account."
  if (/10007|does not exist/.test(stdout + stderr)) return [];
  throw new ToolError(`wrangler secret list failed for ${config}\n${stdout}${stderr}`);
}

/** Whether files on the account are wrapped by that master key: docs/spec/storage.md, K7. */
export async function isKeptMaster(version: string): Promise<boolean> {
  const bucket = readConfig(API).r2_buckets.find(({ binding }) => binding === "BLOBS")?.bucket_name;
  const { code } = await captureTool("wrangler", [
    "r2",
    "object",
    "get",
    `${bucket}/masters/${version}`,
    "--remote",
    "--pipe",
  ]);
  return code === 0;
}

/** @returns what the command printed */
export async function runStep({ args, creates, secrets }: Step): Promise<string> {
  if (secrets) return withSecretsFile(secrets, (path) => mustRun("wrangler", [...args, "--secrets-file", path]));
  if (!creates) return mustRun("wrangler", args);
  const { code, stdout, stderr } = await captureTool("wrangler", args);
  if (code === 0 || /already (exists|taken)|is already/i.test(stdout + stderr)) return stdout;
  throw new ToolError(`wrangler ${args.join(" ")} failed\n${stdout}${stderr}`);
}

/** wrangler takes the secrets of a Worker's first version from a file only; it is gone before anybody could look. */
async function withSecretsFile<T>(secrets: Record<string, string>, use: (path: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "edgedrive-deploy-"));
  try {
    const path = join(directory, "secrets.json");
    writeFileSync(path, JSON.stringify(secrets), { mode: 0o600 });
    return await use(path);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
