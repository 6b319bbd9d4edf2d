/**
 * How models are played: `npm test` plays the same each time, so it never fails by chance. MODEL_SEED names other plays,
 * MODEL_RUNS how many; MODEL_PATH, which a failure prints, plays one again, and MODEL_SHRINK=1 looks for a shorter one.
 */
const numberOf = (name: string): number | undefined =>
  process.env[name] === undefined ? undefined : Number(process.env[name]);

const SEED = 20_260_101;

/** @param runs of `npm test` */
export function modelOptions(runs: number) {
  const path = process.env["MODEL_PATH"];
  return {
    numRuns: numberOf("MODEL_RUNS") ?? runs,
    seed: numberOf("MODEL_SEED") ?? SEED,
    ...(path === undefined ? {} : { path }),
    endOnFailure: process.env["MODEL_SHRINK"] === undefined,
  };
}

/** Says what was played. @throws where `npm test` played less than it promises */
export function countSteps(name: string, steps: number, promised: number): void {
  console.log(`${name}: ${steps} steps`);
  const isPromised = process.env["MODEL_RUNS"] === undefined && process.env["MODEL_PATH"] === undefined;
  if (isPromised && steps < promised) throw new Error(`${name}: only ${steps} steps, not ${promised}`);
}
