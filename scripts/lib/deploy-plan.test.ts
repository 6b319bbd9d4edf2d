import { describe, expect, it } from "vitest";
import { deployPlan, planSecrets, SecretUnknownError } from "./deploy-plan.ts";
import { readDeployables } from "./deployables.ts";

const steps = deployPlan(readDeployables(), { "edgedrive-api": { TOKEN_SECRET: "hidden" } });
const commands = steps.map(({ args }) => args.join(" "));
const at = (command: string): number => {
  const index = commands.findIndex((line) => line.startsWith(command));
  expect(index, command).toBeGreaterThanOrEqual(0);
  return index;
};

describe("deployPlan", () => {
  it("deploys public-links, then the API that binds it, then the consumers that bind the API's objects", () => {
    expect(commands.slice(-3)).toEqual([
      "deploy -c workers/public-links/wrangler.toml",
      "deploy -c wrangler.toml",
      "deploy -c workers/queue-consumers/wrangler.toml",
    ]);
  });

  it("creates each queue and each dead-letter queue once, before any Worker", () => {
    const queues = commands.filter((line) => line.startsWith("queues create"));
    expect(new Set(queues).size).toBe(queues.length);
    expect(at("queues create edgedrive-file-events-dead")).toBeLessThan(at("deploy"));
    expect(at("queues create edgedrive-cleanup")).toBeLessThan(at("deploy"));
  });

  it("migrates every database after it exists and before any code", () => {
    for (const [name, binding] of [
      ["edgedrive-directory", "DIRECTORY"],
      ["edgedrive-shard-01", "SHARD_01"],
    ]) {
      const migrate = at(`d1 migrations apply ${binding} --remote`);
      expect(at(`d1 create ${name}`)).toBeLessThan(migrate);
      expect(migrate).toBeLessThan(at("deploy"));
    }
  });

  it("creates all buckets", () => {
    expect(at("r2 bucket create edgedrive-blobs")).toBeLessThan(at("deploy"));
    expect(at("r2 bucket create edgedrive-blobs-replica")).toBeLessThan(at("deploy"));
    expect(at("r2 bucket create edgedrive-derived")).toBeLessThan(at("deploy"));
  });

  it("carries secrets beside the command, not in it", () => {
    expect(steps.at(-2)?.secrets).toEqual({ TOKEN_SECRET: "hidden" });
    expect(steps.at(-1)).not.toHaveProperty("secrets");
    expect(commands.join()).not.toContain("hidden");
  });
});

describe("planSecrets", () => {
  const required = { api: ["A", "B"], links: ["A"] };
  let count = 0;
  const generate = (): string => `value-${(count += 1)}`;

  it("generates one value per name for all Workers of an empty account", () => {
    const { missing, generated } = planSecrets(required, {}, {}, generate);
    expect(missing.links).toEqual({ A: missing.api!.A });
    expect(missing.api!.A).not.toBe(missing.api!.B);
    expect(generated).toEqual(missing.api);
  });

  it("leaves alone what is set", () => {
    const { missing, generated } = planSecrets(required, { api: ["A", "B"], links: ["A"] }, {}, generate);
    expect(missing).toEqual({ api: {}, links: {} });
    expect(generated).toEqual({});
  });

  it("takes known values before it makes new ones", () => {
    const { missing, generated } = planSecrets(required, { api: ["A"] }, { A: "given" }, generate);
    expect(missing.links).toEqual({ A: "given" });
    expect(Object.keys(generated)).toEqual(["B"]);
  });

  it("refuses to split the Workers over a value that cannot be read back", () => {
    expect(() => planSecrets(required, { api: ["A", "B"] }, {}, generate)).toThrow(SecretUnknownError);
  });
});
