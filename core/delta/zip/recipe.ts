/** Finds how a member was deflated: by trying, since the format does not say. */
import { Deflater } from "./deflate.ts";
import { METHOD, type Recipe } from "./format.ts";

/** What is usual first: level 6 nearly everywhere, then what programs offer as best and fastest. */
const LEVELS = [6, 9, 1, 5, 8, 7, 4, 3, 2];
const MEM_LEVELS = [8, 9];
const RECIPES: Recipe[] = [METHOD.zlib, METHOD.blocks, METHOD.chromium].flatMap((method) =>
  MEM_LEVELS.flatMap((mem_level) => LEVELS.map((level) => ({ method, level, mem_level }))),
);

/** A try ends soon after the first byte that differs. */
const STEP_BYTES = 32 * 1024;

/** Members on which all recipes are tried; when they failed, the archive's program is one we cannot follow. */
const MAX_FULL_SEARCHES = 3;

/** Recipes for the members of one archive, which mostly share one. */
export class RecipeFinder {
  readonly #known: Recipe[] = [];
  #searches = 0;

  /** Undefined when no recipe makes `deflated` out of `inflated`. */
  find(inflated: Uint8Array, deflated: Uint8Array): Recipe | undefined {
    const known = this.#known.find((recipe) => recreates(recipe, inflated, deflated));
    if (known !== undefined || this.#searches === MAX_FULL_SEARCHES) return known;
    const found = RECIPES.find((recipe) => !this.#known.includes(recipe) && recreates(recipe, inflated, deflated));
    if (found === undefined) this.#searches++;
    else this.#known.unshift(found);
    return found;
  }
}

function recreates(recipe: Recipe, inflated: Uint8Array, deflated: Uint8Array): boolean {
  const made = { length: 0, same: true };
  const deflater = new Deflater(recipe, (bytes) => {
    for (let i = 0; made.same && i < bytes.length; i++) made.same = bytes[i] === deflated[made.length + i];
    made.length += bytes.length;
  });
  for (let from = 0; from < inflated.length; from += STEP_BYTES) {
    deflater.write(inflated.subarray(from, from + STEP_BYTES));
    if (!made.same) return false;
  }
  deflater.end();
  return made.same && made.length === deflated.length;
}
