import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inRoot } from "./lib/project.ts";
import { captureTool } from "./lib/tools.ts";

/** What each layer may and may not import, written from one of its files. */
const LAYERS: { file: string; may: string[]; may_not: string[] }[] = [
  {
    file: "core/files/rules.ts",
    may: ["zod", "@noble/hashes/sha2.js", "fflate", "pako", "./names.ts", "../protocol/ids.ts"],
    may_not: [
      "hono",
      "drizzle-orm",
      "cloudflare:workers",
      "node:crypto",
      "@hono/zod-openapi",
      "../../platform/r2.ts",
      "../../durable-objects/sync-hub.ts",
      "../../workers/api/env.ts",
      "../../client/http.ts",
      "../../test/support/x.ts",
    ],
  },
  {
    file: "platform/d1/files.ts",
    may: ["drizzle-orm", "cloudflare:workers", "node:crypto", "../../core/files/index.ts"],
    may_not: [
      "hono",
      "../../durable-objects/sync-hub.ts",
      "../../workers/api/env.ts",
      "../../client/http.ts",
      "../../test/x.ts",
    ],
  },
  {
    file: "durable-objects/sync-hub.ts",
    may: ["cloudflare:workers", "itty-durable", "../core/sync/index.ts", "../platform/d1/files.ts"],
    may_not: ["hono", "../workers/api/env.ts", "../client/http.ts", "../web/app.tsx", "../test/x.ts"],
  },
  {
    file: "workers/api/routes/files.ts",
    may: [
      "hono",
      "../env.ts",
      "../../../core/files/index.ts",
      "../../../platform/r2.ts",
      "../../../durable-objects/sync-hub.ts",
    ],
    may_not: ["../../../client/http.ts", "../../../web/app.tsx", "../../../cli/index.ts", "../../../test/x.ts"],
  },
  {
    file: "client/http.ts",
    may: ["zod", "./socket.ts", "../core/protocol/ids.ts"],
    may_not: [
      "node:fs",
      "cloudflare:workers",
      "hono",
      "../platform/r2.ts",
      "../workers/api/env.ts",
      "../web/app.tsx",
      "../test/x.ts",
    ],
  },
  {
    file: "web/src/app.ts",
    may: ["react", "../../client/http.ts", "../../core/protocol/ids.ts"],
    may_not: [
      "node:fs",
      "hono",
      "drizzle-orm",
      "cloudflare:workers",
      "../../core/files/index.ts",
      "../../platform/r2.ts",
      "../../workers/api/env.ts",
      "../../test/x.ts",
    ],
  },
  {
    file: "cli/index.ts",
    may: ["node:fs", "../client/http.ts", "../core/protocol/ids.ts"],
    may_not: [
      "drizzle-orm",
      "cloudflare:workers",
      "../core/files/index.ts",
      "../platform/r2.ts",
      "../web/app.tsx",
      "../test/x.ts",
    ],
  },
  { file: "scripts/start.ts", may: ["node:fs", "../platform/r2.ts"], may_not: ["../test/support/x.ts"] },
  { file: "bench/run.ts", may: ["../scripts/lib/project.ts"], may_not: ["../test/support/x.ts"] },
];

type Diagnostic = { filename: string; code: string; labels: { span: { line: number } }[] };

describe("layers", () => {
  const directory = mkdtempSync(join(tmpdir(), "edgedrive-layers-"));
  const refused = new Set<string>();

  beforeAll(async () => {
    copyFileSync(inRoot(".oxlintrc.json"), join(directory, ".oxlintrc.json"));
    for (const { file, may, may_not } of LAYERS) {
      mkdirSync(dirname(join(directory, file)), { recursive: true });
      writeFileSync(join(directory, file), [...may, ...may_not].map((name) => `import "${name}";\n`).join(""));
    }
    const { stdout } = await captureTool("oxlint", ["--format", "json"], { cwd: directory });
    for (const { filename, code, labels } of (JSON.parse(stdout) as { diagnostics: Diagnostic[] }).diagnostics) {
      const layer = LAYERS.find(({ file }) => filename.replaceAll("\\", "/").endsWith(file));
      if (!layer || !code.includes("no-restricted-imports")) continue;
      refused.add(`${layer.file} ${[...layer.may, ...layer.may_not][labels[0]!.span.line - 1]}`);
    }
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  describe.each(LAYERS)("$file", ({ file, may, may_not }) => {
    it.each(may)("may import %s", (name) => expect(refused).not.toContain(`${file} ${name}`));
    it.each(may_not)("may not import %s", (name) => expect(refused).toContain(`${file} ${name}`));
  });
});
