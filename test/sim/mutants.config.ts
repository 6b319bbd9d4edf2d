/** The simulation over code that is broken on purpose: MUTANT is a number in the list. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { mutating } from "../support/mutate.ts";
import { MUTANTS } from "./mutants.ts";

export default defineConfig({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  plugins: [mutating(MUTANTS[Number(process.env["MUTANT"])])],
  test: { environment: "node", include: ["test/sim/*.test.ts"], bail: 1 },
});
