import { describe, expect, it } from "vitest";
import { readdirSync, readFileSync } from "node:fs";
import { inRoot } from "./project.ts";
import { withoutRowid } from "./without-rowid.ts";

const GENERATED = `CREATE TABLE \`files\` (
	\`tenant_id\` integer NOT NULL,
	\`name\` text DEFAULT 'a;b' NOT NULL,
	PRIMARY KEY(\`tenant_id\`)
);
--> statement-breakpoint
CREATE INDEX \`by_name\` ON \`files\` (\`name\`);`;

describe("withoutRowid", () => {
  it("rewrites tables and leaves the rest", () => {
    const sql = withoutRowid(GENERATED);
    expect(sql).toContain("\n) WITHOUT ROWID;\n--> statement-breakpoint\nCREATE INDEX");
    expect(sql.endsWith("(`name`);")).toBe(true);
  });

  it("does nothing the second time", () => {
    expect(withoutRowid(withoutRowid(GENERATED))).toBe(withoutRowid(GENERATED));
  });

  it("refuses a table that cannot be one", () => {
    expect(() => withoutRowid("CREATE TABLE `t` (\n\t`a` integer\n);")).toThrow("without a primary key");
  });

  it.each(["directory", "shard"])("no table of the %s migrations lacks it", (kind) => {
    const folder = inRoot(`migrations/d1/${kind}`);
    for (const name of readdirSync(folder).filter((file) => file.endsWith(".sql"))) {
      const sql = readFileSync(`${folder}/${name}`, "utf8");
      expect(withoutRowid(sql), name).toBe(sql);
    }
  });
});
