import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  schema: "./platform/d1/directory/schema.ts",
  out: "./migrations/d1/directory",
});
