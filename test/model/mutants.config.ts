/** The model over code that is broken on purpose: MUTANT is a number in the list. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { mutating } from "../support/mutate.ts";
import { MUTANTS } from "./mutants.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const mutant = MUTANTS[Number(process.env["MUTANT"])];

export default defineConfig({
  root,
  plugins: [mutating(mutant)],
  test: {
    environment: "node",
    include: ["test/model/*.test.ts", "core/sync/*.model.test.ts", "core/keys/*.test.ts", "core/erasure/*.test.ts"],
    testTimeout: 30_000,
    bail: 1,
  },
});
