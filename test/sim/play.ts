/** Plays schedules, and makes a failing one short. */
import { type Schedule, scheduleOf, type Step } from "./steps.ts";
import { World } from "./world.ts";

export const LENGTH = 200;

/** Null when all holds. */
export async function failureOf(schedule: Schedule): Promise<{ error: Error; log: string[] } | null> {
  const world = new World(schedule.seed);
  try {
    await world.play(schedule);
    return null;
  } catch (error) {
    return { error: error as Error, log: world.log };
  }
}

/** The fewest steps, found by leaving out ever smaller pieces, that fail still. */
export async function shrink(schedule: Schedule): Promise<Schedule> {
  let { steps } = schedule;
  const kindOf = async (steps: Step[]) =>
    (await failureOf({ ...schedule, steps }))?.error.message.replaceAll(/“.*”|\d+|:.*/gsu, "");
  const kind = await kindOf(steps);
  const fails = async (steps: Step[]): Promise<boolean> => (await kindOf(steps)) === kind;
  for (let size = steps.length >> 1; size >= 1; size >>= 1)
    for (let at = 0; at < steps.length;) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + size)];
      if (await fails(fewer)) steps = fewer;
      else at += size;
    }
  return { ...schedule, steps };
}

export const failureOfSeed = (seed: number, length = LENGTH) => failureOf(scheduleOf(seed, length));
