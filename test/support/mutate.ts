/** Code that is broken on purpose: lists of mutants are tried one by one, each in a run of its own. */
import type { Plugin } from "vitest/config";

/** A way in which the code could be wrong. */
export interface Mutant {
  /** What is broken. */
  name: string;
  rule: string;
  file: string;
  /** Texts of the file, each there once, and what takes their place. */
  edits: readonly [from: string, to: string][];
}

/** Breaks the code as it is loaded. */
export const mutating = (mutant: Mutant | undefined): Plugin => ({
  name: "mutate",
  enforce: "pre",
  transform(code, id) {
    if (mutant === undefined || !id.endsWith(mutant.file)) return null;
    return mutant.edits.reduce((text, [from, to]) => {
      if (text.split(from).length !== 2) throw new Error(`${mutant.file} has not once: ${from}`);
      return text.replace(from, () => to);
    }, code);
  },
});
