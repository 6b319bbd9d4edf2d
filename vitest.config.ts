import { fileURLToPath } from "node:url";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";
import { SummaryReporter } from "./scripts/lib/summary-reporter.ts";
import { workerdOptions } from "./scripts/lib/workerd-project.ts";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  test: {
    reporters: ["default", new SummaryReporter()],
    projects: [
      {
        test: {
          name: "unit",
          environment: "node",
          // Two busy cores: a limit is there to end what hangs, not to measure.
          testTimeout: 30_000,
          include: [
            "core/**/*.test.ts",
            "test/model/**/*.test.ts",
            "test/sim/**/*.test.ts",
            "client/**/*.test.ts",
            "cli/**/*.test.ts",
            "scripts/**/*.test.ts",
            "web/**/*.test.{ts,tsx}",
          ],
        },
      },
      {
        // Inside workerd, with every binding of all three Workers; isolation is per file.
        plugins: [cloudflareTest(workerdOptions)],
        test: {
          name: "workerd",
          testTimeout: 30_000,
          hookTimeout: 30_000,
          include: ["{platform,durable-objects,workers}/**/*.test.ts", "test/{api,contract,sync}/**/*.test.ts"],
          setupFiles: [path("test/support/workerd/setup.ts")],
          globalSetup: [path("test/support/s3-server.ts")],
          provide: {
            migrations: {
              directory: await readD1Migrations(path("migrations/d1/directory")),
              shard: await readD1Migrations(path("migrations/d1/shard")),
            },
          },
          // itty-durable's CommonJS entry over ESM files loads only when it is bundled first.
          deps: { optimizer: { ssr: { enabled: true, include: ["itty-durable"] } } },
        },
      },
      {
        // The built product, started as `npm start` does; one file at a time, after everything else.
        test: {
          name: "e2e",
          environment: "node",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: [path("test/support/build-once.ts")],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
