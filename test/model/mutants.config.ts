/** The model over code that is broken on purpose: MUTANT is a number in the list. */
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vitest/config";
import { MUTANTS } from "./mutants.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const mutant = MUTANTS[Number(process.env["MUTANT"])];

const mutate: Plugin = {
  name: "mutate",
  enforce: "pre",
  transform(code, id) {
    if (mutant === undefined || !id.endsWith(mutant.file)) return null;
    return mutant.edits.reduce((text, [from, to]) => {
      if (text.split(from).length !== 2) throw new Error(`${mutant.file} has not once: ${from}`);
      return text.replace(from, () => to);
    }, code);
  },
};

export default defineConfig({
  root,
  plugins: [mutate],
  test: {
    environment: "node",
    include: ["test/model/*.test.ts", "core/sync/*.model.test.ts", "core/keys/*.test.ts", "core/erasure/*.test.ts"],
    testTimeout: 30_000,
    bail: 1,
  },
});
