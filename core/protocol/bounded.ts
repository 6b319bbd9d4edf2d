/**
 * Lists and records of requests. What zod says of a wrong item takes more memory than the item, and it goes on to the
 * next: a body of 1 MiB of them would become half a gigabyte. These are looked at up to the first wrong item.
 */
import { z } from "zod";

/** The items up to the first wrong one, with it; one more than `max` at most. */
function upToWrong<T>(items: readonly T[], max: number, isRight: (item: T) => boolean): readonly T[] {
  const wrong = items.findIndex((item, i) => i >= max || !isRight(item));
  return wrong < 0 ? items : items.slice(0, wrong + 1);
}

/** A list of `min` to `max` items. */
export const listOf = <T extends z.ZodType>(item: T, max: number, min = 0) =>
  z.preprocess(
    (value) => (Array.isArray(value) ? upToWrong(value, max, (found) => item.safeParse(found).success) : value),
    z.array(item).min(min).max(max),
  );

/** An object of up to `max` members of any names. */
export const recordOf = <T extends z.ZodType>(item: T, max: number) =>
  z.preprocess(
    (value) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.fromEntries(upToWrong(Object.entries(value), max, ([, found]) => item.safeParse(found).success))
        : value,
    z.record(z.string(), item).refine((found) => Object.keys(found).length <= max, `has ${max} members at most`),
  );
